import { describe, expect, it } from 'vitest'
import type { WasteEntry } from './documents'
import { amountsOf, blocksOf, fleetTitle, kindOf, nodesOf, nothing, squaresOf } from './slots'

const HOUR = 3_600_000

export function entry(some: Partial<WasteEntry>): WasteEntry {
  return {
    cause: 'productive',
    gpuMs: HOUR,
    cost: null,
    cluster: 'c',
    node: 'n0',
    resource: 'nvidia.com/gpu',
    model: 'a100',
    team: '',
    namespace: '',
    person: '',
    object: '',
    queue: '',
    ...some,
  }
}

describe('nodes as slots', () => {
  it('are titled by what is chosen of them, and not by all that stands beside it', () => {
    const amounts = { ...nothing(), used: 5, broken: 2, free: 1 }
    expect(fleetTitle(amounts, 1, null)).toBe('8 accelerators in 1 node')
    expect(fleetTitle(amounts, 1, 'broken')).toBe('2 broken of 8 accelerators in 1 node')
  })

  it('has a kind for every cause, and none for one that is not known', () => {
    expect(kindOf('fragmented')).toBe('stranded')
    expect(kindOf('quota-blocked')).toBe('stranded')
    expect(kindOf('something-new')).toBe('unknown')
  })

  it('counts devices of one hour, and of parts of devices', () => {
    const found = amountsOf([entry({ gpuMs: 3 * HOUR }), entry({ cause: 'idle-held', gpuMs: HOUR / 7 })])
    expect(found.used).toBe(3)
    expect(found.idle).toBe(0.143)
  })

  it('puts entries of one node together, and keeps clusters apart', () => {
    const nodes = nodesOf([
      entry({ node: 'n1', cause: 'idle-held' }),
      entry({ node: 'n1', gpuMs: 7 * HOUR }),
      entry({ node: 'n1', cluster: 'b' }),
    ])
    expect(nodes.map((each) => [each.key, each.total])).toEqual([
      ['b/n1', 1],
      ['c/n1', 8],
    ])
    expect(blocksOf(nodes)).toHaveLength(2)
  })

  it.each([
    [{ used: 6, free: 2 }, ['used', 'used', 'used', 'used', 'used', 'used', 'free', 'free']],
    [{ used: 0.571, free: 0.429 }, ['used']],
    [{ unmeasured: 1.5, free: 0.5 }, ['unmeasured', 'unmeasured']],
    [{}, []],
  ])('shows as many squares as there are devices: %o', (some, squares) => {
    const amounts = { ...nothing(), ...some }
    const total = Object.values(amounts).reduce((sum, each) => sum + each, 0)
    expect(squaresOf({ total, amounts })).toEqual(squares)
  })
})
