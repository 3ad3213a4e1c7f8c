import { describe, expect, it } from 'vitest'
import { momentsIn, withMoments } from './moments'

const AT = Date.UTC(2026, 10, 29, 5, 57, 54)

describe('moments in a sentence', () => {
  it.each<[string, (string | number)[]]>([
    ['kept until 2026-11-29T05:57:54Z, and deleted then', ['kept until ', AT, ', and deleted then']],
    ['2026-11-29T06:57:54+01:00', [AT]],
    ['from 2026-11-29T05:57:54.000Z to 2026-11-29T05:57Z', ['from ', AT, ' to ', AT - 54_000]],
    ['on 2026-11-29, at 05:57', ['on 2026-11-29, at 05:57']],
    ['of 2026-99-99T05:57:54Z', ['of 2026-99-99T05:57:54Z']],
    ['', []],
  ])('%s', (text, parts) => expect(momentsIn(text)).toEqual(parts))

  it('are told in the chosen zone, another day with its date', () => {
    expect(withMoments('until 2026-11-29T05:57:54Z', 'utc', AT)).toBe('until 05:57')
    expect(withMoments('until 2026-11-29T05:57:54Z', 'utc', AT + 86_400_000)).toBe('until 2026-11-29 05:57')
  })
})
