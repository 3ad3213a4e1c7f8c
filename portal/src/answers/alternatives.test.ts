import { describe, expect, it } from 'vitest'
import type { ForeseenJob } from '../api/schema'
import { betterOnes, outlookOf, variantsOf } from './alternatives'

const foreseen = (now: boolean | null, within: [number, number] | null = null, waits_for = '') =>
  ({ start: { now, within, waits_for, untold: '', displaces: [] } }) as unknown as ForeseenJob

describe('other ways to ask for the same work', () => {
  it('are tried from the least change on', () => {
    const text = 'name: a # b\nresources: {accelerators: {class: a100, count: 8}}\nmaxRunTime: 5h\n'
    const found = variantsOf(text, 'east', ['east', 'west'])
    expect(found.map((each) => each.said)).toEqual(['of any class instead of a100', 'on west', 'with 4 GPUs', 'with 1 GPU', 'for 3 hours at most'])
    expect(found[2]?.text).toBe(text.replace('count: 8', 'count: 4'))
    expect(found[1]).toMatchObject({ text, backend: 'west' })
    expect(variantsOf('name: a\n', 'local', ['local'])).toEqual([])
    const gang = variantsOf('replicas: 3\nresources: {accelerators: {count: 8}}\n', 'east', ['east'])
    expect(gang.map((each) => each.said)).toEqual(['with 1 replica', 'with 4 GPUs each', 'with 1 GPU each'])
    expect(gang[0]?.text).toContain('replicas: 1')
  })

  it.each([
    [foreseen(true), 'now'],
    [foreseen(false), 'waits'],
    [foreseen(null, null, 'no room'), 'waits'],
    [foreseen(null), 'unknown'],
  ])('tells what would become of it: %#', (of, word) => expect(outlookOf(of)).toBe(word))

  it('offers those alone that start sooner', () => {
    const variant = { said: '', text: '', backend: '' }
    const [now, soon, late, never] = [foreseen(true), foreseen(false, [0, 60]), foreseen(false, [0, 900]), foreseen(null)].map((each) => ({ variant, foreseen: each }))
    expect(betterOnes([late!, never!, now!, soon!], foreseen(false, [0, 100]))).toEqual([now, soon])
    expect(betterOnes([late!, soon!], foreseen(true))).toEqual([])
    expect(betterOnes([late!], null)).toEqual([late])
  })
})
