import type { Trend } from '../answers/queue_trends'
import { count, span } from './format'

/** A trend in a sentence; means of stretches of `step` seconds. */
export function trendWords({ used, nominal }: Trend, step: number): string {
  const seen = used.filter((each) => each !== null)
  const whole = (value: number) => count(Math.round(value * 10) / 10)
  const lowest = Math.min(...seen)
  const highest = Math.max(...seen)
  const range = whole(lowest) === whole(highest) ? whole(lowest) : `${whole(lowest)} to ${whole(highest)}`
  const guaranteed = nominal.findLast((each) => each !== null)
  const unseen = (used.length - seen.length) * step * 1000
  const over = used.filter((each, at) => each !== null && each > (nominal[at] ?? Number.POSITIVE_INFINITY)).length
  return [
    `${range} used`,
    guaranteed === undefined || guaranteed === null ? '' : ` of ${whole(guaranteed)} guaranteed`,
    ` in ${span(used.length * step * 1000)}`,
    over ? `, above it for ${span(over * step * 1000)}` : '',
    unseen ? `; nothing was seen for ${span(unseen)} of it` : '',
  ].join('')
}
