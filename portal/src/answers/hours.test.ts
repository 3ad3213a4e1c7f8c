import { describe, expect, it } from 'vitest'
import type { WasteEntry } from './documents'
import { byCause, hoursSaid, remainder } from './hours'

const entry = (cause: string, gpuMs: number, cost: number | null) => ({ cause, gpuMs, cost }) as unknown as WasteEntry

describe('the books', () => {
  const rows = byCause([entry('productive', 10, 5), entry('idle-held', 30, null), entry('productive', 25, 2), entry('idle-held', 1, 1)])
  it('sum to what was there, to the millisecond', () => {
    expect(rows.map((each) => [each.cause, each.gpuMs])).toEqual([['productive', 35], ['idle-held', 31]])
    expect(remainder(rows, 66)).toBe(0)
    expect(remainder(rows, 67)).toBe(1)
  })
  it('count what has no price into no sum, and say how much that is', () => {
    expect(rows.map((each) => [each.cost, each.unpricedMs])).toEqual([[7, 0], [1, 30]])
    expect(byCause([entry('fragmented', 4, null)])[0]?.cost).toBeNull()
  })
  it.each([
    [3_600_000, '1'],
    [5_400_000, '1.5'],
    [36_360_000, '10.1'],
    [7_203_600_000, '2,001'],
  ])('%d ms are %s hours', (ms, said) => expect(hoursSaid(ms)).toBe(said))
})
