import { describe, expect, it } from 'vitest'
import { type Mark, moved, placeOf } from './mark'

const keyIn = (keys: string) => (place: number) => keys[place] ?? ''
const place = (mark: Mark | null, keys: string) => placeOf(mark, keys.length, keyIn(keys))
const next = (mark: Mark | null, step: 1 | -1, keys: string) => moved(mark, step, keys.length, keyIn(keys))

describe('the marked row of a list', () => {
  it('is the same one while others come above it and go', () => {
    const mark = next(next(null, 1, 'abc'), 1, 'abc')
    expect(mark?.key).toBe('b')
    expect(place(mark, 'xyabc')).toBe(3)
    expect(next(mark, 1, 'xyabc')?.key).toBe('c')
    expect(next(mark, -1, 'xyabc')?.key).toBe('a')
    expect(place(mark, 'cb')).toBe(1)
  })

  it('is none once it is gone, and keys go on from where it stood', () => {
    const mark = { key: 'b', at: 1 }
    expect(place(mark, 'acd')).toBe(-1)
    expect(next(mark, 1, 'acd')?.key).toBe('c')
    expect(next(mark, -1, 'acd')?.key).toBe('a')
    expect(next(mark, 1, 'a')?.key).toBe('a')
    expect(next(mark, 1, '')).toBeNull()
  })

  it('begins at the top, and ends at the ends', () => {
    expect(next(null, 1, 'ab')?.key).toBe('a')
    expect(next(null, -1, 'ab')?.key).toBe('a')
    expect(next({ key: 'b', at: 1 }, 1, 'ab')?.key).toBe('b')
    expect(next({ key: 'a', at: 0 }, -1, 'ab')?.key).toBe('a')
  })
})
