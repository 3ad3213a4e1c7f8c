import { describe, expect, it } from 'vitest'
import { nodesOf, blocksOf } from '../answers/slots'
import { laidOut, nextOf, nodeAt } from './slot_layout'

const HOUR = 3_600_000
const fleet = (number: number) =>
  blocksOf(
    nodesOf(
      Array.from({ length: number }, (_, at) => ({
        cause: 'productive', gpuMs: 8 * HOUR, cost: null, cluster: 'c', node: `n${at}`, resource: 'nvidia.com/gpu', model: 'a100',
        team: '', namespace: '', person: '', object: '', queue: '',
      })),
    ),
  )

describe('the picture of the fleet', () => {
  it('shows 5,000 nodes of eight within two screens', () => {
    const layout = laidOut(fleet(5000), 1180)
    expect(layout.cells).toHaveLength(5000)
    expect(layout.height).toBeLessThan(1000)
    expect(Math.max(...layout.cells.map((each) => each.x + each.width))).toBeLessThanOrEqual(1180)
  })

  it('finds a node where it stands, and nothing between', () => {
    const layout = laidOut(fleet(30), 400)
    const { node, x, y } = layout.cells[7]!
    expect(nodeAt(layout, x + 3, y + 3)?.key).toBe(node.key)
    expect(nodeAt(layout, 1, 1)).toBeNull()
  })

  it('goes by arrows, and stays at the ends', () => {
    const layout = laidOut(fleet(30), 400)
    expect(nextOf(layout, '', 'ArrowRight')).toBe('c/n0')
    expect(nextOf(layout, 'c/n0', 'ArrowLeft')).toBe('c/n0')
    const below = layout.cells.find((each) => each.y > layout.cells[0]!.y)
    expect(nextOf(layout, 'c/n0', 'ArrowDown')).toBe(below?.node.key)
    expect(nextOf(layout, 'c/n0', 'a')).toBeNull()
  })
})
