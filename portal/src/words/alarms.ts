/** Per cent of a limit from which on it counts as nearly full: `QuotaAlarm.WARNING` of the server, of which a test holds it. */
export const NEARLY_FULL = 80
