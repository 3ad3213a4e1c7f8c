import type { NodeBlock, NodeSlots } from '../answers/slots'

/** Where each node stands in the picture of the fleet. */
export interface Layout {
  readonly width: number
  readonly height: number
  /** Pixels from one square to the next. */
  readonly step: number
  /** Squares side by side in a node. */
  readonly columns: number
  /** Squares that a node has room for. */
  readonly most: number
  readonly cellWidth: number
  readonly cellHeight: number
  readonly cells: readonly { readonly node: NodeSlots; readonly x: number; readonly y: number }[]
  readonly titles: readonly { readonly title: string; readonly x: number; readonly y: number }[]
  readonly perRow: number
}

const GAP = 4
const TITLE = 22
/** Nodes up to which squares are large, and up to which they are of middle size. */
const FEW = 150
const SOME = 800

/** A picture that is no wider than what there is; the more nodes there are, the smaller is each. */
export function laidOut(blocks: readonly NodeBlock[], width: number): Layout {
  const number = blocks.reduce((sum, each) => sum + each.nodes.length, 0)
  const largest = blocks.reduce((most, block) => block.nodes.reduce((top, each) => Math.max(top, Math.round(each.total)), most), 1)
  const step = number <= FEW ? 12 : number <= SOME ? 7 : 4
  const columns = Math.min(largest, 4)
  const most = Math.min(largest, 16)
  const cellWidth = columns * step - 1
  const cellHeight = Math.ceil(most / columns) * step - 1
  const across = cellWidth + GAP
  const down = cellHeight + GAP
  const perRow = Math.max(1, Math.floor((width - 2) / across))
  const cells: Layout['cells'][number][] = []
  const titles: Layout['titles'][number][] = []
  let y = 2
  for (const block of blocks) {
    titles.push({ title: `${block.cluster} · ${block.model} · ${block.nodes.length}`, x: 1, y: y + TITLE / 2 })
    y += TITLE
    block.nodes.forEach((node, at) => {
      cells.push({ node, x: 2 + (at % perRow) * across, y: y + Math.floor(at / perRow) * down })
    })
    y += Math.ceil(block.nodes.length / perRow) * down + GAP
  }
  return { width, height: Math.max(y, 1), step, columns, most, cellWidth, cellHeight, cells, titles, perRow }
}

export function nodeAt(layout: Layout, x: number, y: number): NodeSlots | null {
  const found = layout.cells.find(
    (each) =>
      x >= each.x - GAP / 2 &&
      x < each.x + layout.cellWidth + GAP / 2 &&
      y >= each.y - GAP / 2 &&
      y < each.y + layout.cellHeight + GAP / 2,
  )
  return found?.node ?? null
}

/** The node that an arrow key leads to from the marked one; null where it leads nowhere. */
export function nextOf(layout: Layout, marked: string, key: string): string | null {
  const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: layout.perRow, ArrowUp: -layout.perRow }
  const step = steps[key]
  if (step === undefined || !layout.cells.length) return null
  const at = layout.cells.findIndex((each) => each.node.key === marked)
  const next = at < 0 ? 0 : Math.max(0, Math.min(layout.cells.length - 1, at + step))
  return layout.cells[next]?.node.key ?? null
}
