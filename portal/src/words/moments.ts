import { moment, type Zone } from './format'

const MOMENT = /(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))/

/** A sentence as its words, and the moments in it as milliseconds since the epoch. */
export function momentsIn(text: string): readonly (string | number)[] {
  return text.split(MOMENT).flatMap((part, number) => {
    if (!part) return []
    const at = number % 2 ? Date.parse(part) : Number.NaN
    return [Number.isNaN(at) ? part : at]
  })
}

/** The same sentence with its moments in a zone, for where nothing but text can stand. */
export function withMoments(text: string, zone: Zone, now: number = Date.now()): string {
  return momentsIn(text)
    .map((each) => (typeof each === 'number' ? moment(each, zone, now) : each))
    .join('')
}
