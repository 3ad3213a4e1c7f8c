import { describe, expect, it } from 'vitest'
import { fieldOf, rangeOf, saidOf, within } from './range'

const NOW = Date.UTC(2026, 10, 29, 12)

describe('a time range of an address', () => {
  it.each([
    [{}, null, null],
    [{ since: '24h' }, NOW - 86_400_000, null],
    [{ since: '2026-11-28T10:00Z', until: '2026-11-28T11:30Z' }, Date.UTC(2026, 10, 28, 10), Date.UTC(2026, 10, 28, 11, 30)],
    [{ since: 'toString', until: '<script>' }, null, null],
    [{ until: '99' }, null, null],
  ])('%o', (said, from, to) => expect(rangeOf(said, NOW)).toEqual({ from, to }))

  it('has what lies in it, and nothing of unknown time', () => {
    const range = rangeOf({ since: '1h', until: '2026-11-29T11:30Z' }, NOW)
    expect([NOW - 3_600_001, NOW - 3_600_000, NOW - 1_800_000, NOW, null].map((at) => within(at, range))).toEqual([false, true, true, false, false])
    expect(within(null, rangeOf({}, NOW))).toBe(true)
  })

  it('goes through a field for dates and comes back', () => {
    for (const zone of ['utc', 'local'] as const) expect(Date.parse(saidOf(fieldOf(NOW, zone), zone))).toBe(NOW)
    expect(saidOf(fieldOf(null, 'utc'), 'utc')).toBe('')
  })
})
