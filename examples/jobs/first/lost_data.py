"""Work that fails: what it was to read is not there."""

print("reading data/instructions.jsonl", flush=True)
with open("data/instructions.jsonl") as file:
    print(f"{len(file.readlines())} instructions")
