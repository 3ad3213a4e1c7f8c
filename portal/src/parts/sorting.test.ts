import { describe, expect, it } from 'vitest'
import { matching, partOf, sorted, sortingOf, withPart } from './sorting'

describe('lists', () => {
  it('reads what an address says of the order', () => {
    expect(sortingOf('-idle', 'name')).toEqual({ by: 'idle', down: true })
    expect(sortingOf(undefined, 'name')).toEqual({ by: 'name', down: false })
  })

  it.each([
    [[3, null, 20], false, [3, 20, null]],
    [[3, null, 20], true, [20, 3, null]],
    [['n10', 'n2', null], false, ['n2', 'n10', null]],
  ])('sorts %o, down: %s', (rows, down, found) => {
    expect(sorted(rows as (number | string | null)[], (each) => each, down)).toEqual(found)
  })

  it('finds rows by all words', () => {
    expect(matching(['cv mira', 'nlp ada', 'cv ada'], ' CV ada', (each) => each)).toEqual(['cv ada'])
    expect(matching(['a'], '', (each) => each)).toEqual(['a'])
  })

  it('keeps what the lists of a screen are each sorted by', () => {
    const both = withPart(withPart(undefined, 'findings', '-about'), '', 'used')
    expect(both).toBe('used;findings:-about')
    expect([partOf(both, ''), partOf(both, 'findings'), partOf(both, 'find'), partOf(undefined, '')]).toEqual(['used', '-about', undefined, undefined])
    expect(withPart(both, '', '')).toBe('findings:-about')
    expect(withPart(both, 'findings', 'what')).toBe('used;findings:what')
    expect(withPart('findings:what', 'findings', '')).toBe('')
  })
})
