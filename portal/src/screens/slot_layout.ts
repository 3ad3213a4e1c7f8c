import type { NodeBlock, NodeSlots } from '../answers/slots'

/** A node where it stands in the picture. */
export interface Cell {
  readonly node: NodeSlots
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Pixels from one square to the next. */
  readonly step: number
  /** Squares side by side in a node. */
  readonly columns: number
  readonly cells: readonly Cell[]
  readonly titles: readonly { readonly title: string; readonly x: number; readonly y: number }[]
}

/** Between nodes; between thousands of them less. */
const GAP = 4
const SMALL_GAP = 3
const TITLE = 22
const ASIDE = 24
/** Width that a title needs. */
const LEAST = 220
/** Squares of a node that are shown at most. */
export const MOST = 16
/** Nodes up to which squares are large, and up to which they are of middle size. */
const FEW = 150
const SOME = 800

/**
 * A picture that is no wider than what there is; the more nodes there are, the smaller is each. Nodes of one cluster and
 * model stand together; small groups share a shelf.
 */
export function laidOut(blocks: readonly NodeBlock[], width: number): Layout {
  const number = blocks.reduce((sum, each) => sum + each.nodes.length, 0)
  const step = number <= FEW ? 12 : number <= SOME ? 7 : 4
  const columns = 4
  const gap = number <= SOME ? GAP : SMALL_GAP
  const cells: Cell[] = []
  const titles: Layout['titles'][number][] = []
  const room = Math.max(1, width - 2)
  let [left, top, shelf] = [0, 0, 0]
  for (const block of blocks) {
    const largest = Math.min(MOST, block.nodes.reduce((most, each) => Math.max(most, Math.round(each.total)), 1))
    const wide = Math.min(largest, columns) * step - 1
    const high = Math.ceil(largest / columns) * step - 1
    const perRow = Math.max(1, Math.floor((room + gap) / (wide + gap)))
    const across = Math.min(block.nodes.length, perRow)
    const needs = Math.max(across * (wide + gap), LEAST)
    if (left > 0 && left + needs > room) [left, top, shelf] = [0, top + shelf, 0]
    const title = `${block.cluster} · ${block.model} · ${block.nodes.length} ${block.nodes.length === 1 ? 'node' : 'nodes'}`
    titles.push({ title, x: 1 + left, y: top + TITLE / 2 })
    block.nodes.forEach((node, at) =>
      cells.push({
        node,
        x: 2 + left + (at % perRow) * (wide + gap),
        y: top + TITLE + Math.floor(at / perRow) * (high + gap),
        width: wide,
        height: high,
      }),
    )
    shelf = Math.max(shelf, TITLE + Math.ceil(block.nodes.length / perRow) * (high + gap) + 2 * GAP)
    left += needs + ASIDE
  }
  return { width, height: Math.max(top + shelf, 1), step, columns, cells, titles }
}

export function nodeAt(layout: Layout, x: number, y: number): NodeSlots | null {
  const half = GAP / 2
  const found = layout.cells.find(
    (each) => x >= each.x - half && x < each.x + each.width + half && y >= each.y - half && y < each.y + each.height + half,
  )
  return found?.node ?? null
}

/** The node that an arrow key leads to from the marked one; null where it leads nowhere. */
export function nextOf(layout: Layout, marked: string, key: string): string | null {
  const { cells } = layout
  const at = cells.findIndex((each) => each.node.key === marked)
  const from = cells[at]
  if (!/^Arrow(Right|Left|Up|Down)$/.test(key) || !cells.length) return null
  if (!from) return cells[0]?.node.key ?? null
  if (key === 'ArrowRight') return (cells[at + 1] ?? from).node.key
  if (key === 'ArrowLeft') return (cells[at - 1] ?? from).node.key
  const below = key === 'ArrowDown'
  const others = cells.filter((each) => (below ? each.y > from.y : each.y < from.y))
  const far = (each: Cell) => Math.abs(each.y - from.y) * 1000 + Math.abs(each.x - from.x)
  return others.reduce<Cell>((best, each) => (best === from || far(each) < far(best) ? each : best), from).node.key
}
