"""What a server tells of itself to those who keep it going: health, metrics, a log and traces."""
