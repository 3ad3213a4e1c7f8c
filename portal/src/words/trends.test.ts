import { describe, expect, it } from 'vitest'
import { trendWords } from './trends'

const HOUR = 3600

describe('a trend in words', () => {
  it.each<[(number | null)[], (number | null)[], string]>([
    [[1, 2, 3], [8, 8, 8], '1 to 3 used of 8 guaranteed in 12 h'],
    [[2, 2], [8, 8], '2 used of 8 guaranteed in 8 h'],
    [[null, 9.04, 12], [null, 8, 16], '9 to 12 used of 16 guaranteed in 12 h, above it for 4 h; nothing was seen for 4 h of it'],
    [[0], [0], '0 used of 0 guaranteed in 4 h'],
  ])('%j of %j', (used, nominal, said) => expect(trendWords({ used, nominal }, 4 * HOUR)).toBe(said))
})
