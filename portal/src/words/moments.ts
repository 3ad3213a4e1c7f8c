import { moment, type Zone } from './format'

const MOMENT = /(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))/

/** A sentence as its words, and the moments in it as milliseconds since the epoch. */
export function momentsIn(text: string): readonly (string | number)[] {
  const found: (string | number)[] = []
  for (const [number, part] of text.split(MOMENT).entries()) {
    const at = number % 2 ? Date.parse(part) : Number.NaN
    const before = found.at(-1)
    // What only looks like a moment is a word among others.
    if (!Number.isNaN(at)) found.push(at)
    else if (typeof before === 'string') found[found.length - 1] = before + part
    else if (part) found.push(part)
  }
  return found
}

/** The same sentence with its moments in a zone, for where nothing but text can stand. */
export function withMoments(text: string, zone: Zone, now: number = Date.now()): string {
  return momentsIn(text)
    .map((each) => (typeof each === 'number' ? moment(each, zone, now) : each))
    .join('')
}
