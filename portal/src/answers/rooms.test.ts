import { describe, expect, it } from 'vitest'
import type { Room } from './documents'
import { roomSums } from './rooms'

const room = (cluster: string, accelerator: string, total: number, free: number, more: Partial<Room> = {}): Room => ({
  cluster,
  accelerator,
  resource: 'nvidia.com/gpu',
  nodes: 1,
  total,
  healthy: total,
  schedulable: total,
  used: total - free,
  idleHeld: 0,
  free,
  fragmented: null,
  fits: {},
  ...more,
})

describe('what is free by accelerator', () => {
  it('is of all clusters together, the most first', () => {
    const found = roomSums([room('east', 'a100', 16, 2), room('west', 'a100', 8, 5), room('east', 't4', 4, 0), room('east', 'h100', 8, 8)])
    expect(found.map((each) => [each.accelerator, each.free, each.total])).toEqual([
      ['h100', 8, 8],
      ['a100', 7, 24],
      ['t4', 0, 4],
    ])
    expect(found[1]?.places).toEqual([
      { cluster: 'west', free: 5 },
      { cluster: 'east', free: 2 },
    ])
    expect(found[2]?.places).toEqual([])
  })

  it('sums all that becomes of them', () => {
    const [sum] = roomSums([room('east', 'a100', 8, 2, { healthy: 7, used: 4, idleHeld: 1 }), room('west', 'a100', 8, 0, { idleHeld: null })])
    expect(sum?.amounts).toMatchObject({ used: 3, idle: 1, free: 2, broken: 1, closed: 1, unmeasured: 8 })
  })

  it('has a cluster once that has a class by several resources', () => {
    const [sum] = roomSums([room('east', 'a100', 8, 2), room('east', 'a100', 8, 1, { resource: 'mig' })])
    expect(sum?.places).toEqual([{ cluster: 'east', free: 3 }])
  })
})
