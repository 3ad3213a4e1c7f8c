/** How amounts are said; times are milliseconds since the epoch, amounts of money are millionths of the currency. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const UNITS = [
  [DAY, 'd', HOUR, 'h'],
  [HOUR, 'h', MINUTE, 'min'],
  [MINUTE, 'min', 1000, 's'],
] as const

/** A span of time in its two largest units, as the command line says it. */
export function span(ms: number): string {
  for (const [unit, name, part, partName] of UNITS) {
    if (ms < unit) continue
    const rest = Math.floor((ms % unit) / part)
    return rest ? `${Math.floor(ms / unit)} ${name} ${rest} ${partName}` : `${Math.floor(ms / unit)} ${name}`
  }
  return `${Math.max(0, Math.floor(ms / 1000))} s`
}

/** Whole units; small sums keep two decimals, as on the command line. */
export function money(millionths: number, currency: string): string {
  const amount = millionths / 1_000_000
  const digits = Math.abs(amount) < 100 && !Number.isInteger(amount) ? 2 : 0
  return `${amount.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${currency}`.trim()
}

export function count(number: number): string {
  return number.toLocaleString('en')
}

export type Zone = 'local' | 'utc'

/** A moment: today's by the clock alone, another day's with its date. */
export function moment(at: number, zone: Zone, now: number = Date.now()): string {
  const timeZone = zone === 'utc' ? 'UTC' : undefined
  const day = (each: number) => new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', timeZone }).format(each)
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone }).format(at)
  return day(at) === day(now) ? clock : `${day(at)} ${clock}`
}

/** The same, whole: for tool tips and copies. */
export function exactly(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** One thing, or several. */
export function plural(number: number, one: string, several: string = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : several}`
}

/** Bytes in binary units. */
export function bytes(number: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024
    unit += 1
  }
  return `${number >= 100 || unit === 0 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`
}
