import { describe, expect, it } from 'vitest'
import { bytes, exactly, moment, money, plural, span } from './format'

describe('amounts in words', () => {
  it.each([
    [0, '0 s'],
    [-5, '0 s'],
    [59_400, '59 s'],
    [61_000, '1 min 1 s'],
    [15 * 60_000 + 1000, '15 min 1 s'],
    [3_600_000, '1 h'],
    [3_660_000, '1 h 1 min'],
    [47 * 3_600_000, '1 d 23 h'],
    [49 * 3_600_000, '2 d 1 h'],
    [12 * 86_400_000 + 3_600_000, '12 d 1 h'],
  ])('%d ms is %s', (ms, said) => expect(span(ms)).toBe(said))

  it.each([
    [0, 'EUR', '0 EUR'],
    [1_234_567, 'EUR', '1.23 EUR'],
    [1_234_567_890_000, 'EUR', '1,234,568 EUR'],
    [5_000_000, '', '5'],
    [-2_500_000, 'EUR', '-2.50 EUR'],
  ])('%d millionths of %s are %s', (amount, currency, said) => expect(money(amount, currency)).toBe(said))

  it('says today by the clock and another day with its date', () => {
    const at = Date.UTC(2026, 10, 29, 8, 5)
    expect(moment(at, 'utc', at + 1000)).toBe('08:05')
    expect(moment(at, 'utc', at + 86_400_000)).toBe('2026-11-29 08:05')
    expect(exactly(at)).toBe('2026-11-29T08:05:00Z')
  })

  it('counts things', () => {
    expect(plural(1, 'job')).toBe('1 job')
    expect(plural(31_204, 'job')).toBe('31,204 jobs')
    expect(bytes(3 * 1024 ** 3)).toBe('3.0 GiB')
  })
})
