import { useEffect, useMemo, useRef, useState } from 'react'
import { KIND_WORDS, KINDS, type NodeBlock, type NodeSlots, type SlotKind, squaresOf } from '../answers/slots'
import { useSettings } from '../store/settings'
import { count } from '../words/format'
import { type Layout, laidOut, MOST, nextOf, nodeAt } from './slot_layout'

interface SlotPictureProps {
  readonly blocks: readonly NodeBlock[]
  /** Key of the node that is marked; empty for none. */
  readonly marked: string
  /** The kind that is looked for; all others step back. */
  readonly kind: SlotKind | null
  readonly pick: (node: string) => void
}

/** Every node as a cell, every accelerator as a square in it, in colours and patterns; thousands are drawn at once. */
export function SlotPicture({ blocks, marked, kind, pick }: SlotPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [over, setOver] = useState<{ node: NodeSlots; x: number; y: number } | null>(null)
  const { theme } = useSettings()
  const layout = useMemo(() => laidOut(blocks, width), [blocks, width])
  useEffect(() => {
    const box = frame.current
    if (!box) return
    const watch = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)))
    watch.observe(box)
    return () => watch.disconnect()
  }, [])
  useEffect(() => {
    const dark = window.matchMedia('(prefers-color-scheme: dark)')
    const again = () => canvas.current && draw(canvas.current, layout, marked, kind)
    again()
    dark.addEventListener('change', again)
    return () => dark.removeEventListener('change', again)
  }, [layout, marked, kind, theme])
  function at(event: React.MouseEvent): NodeSlots | null {
    const box = canvas.current?.getBoundingClientRect()
    return box ? nodeAt(layout, event.clientX - box.left, event.clientY - box.top) : null
  }
  function pressed(event: React.KeyboardEvent): void {
    const next = nextOf(layout, marked, event.key)
    if (!next) return
    event.preventDefault()
    pick(next)
  }
  const nodes = blocks.reduce((sum, each) => sum + each.nodes.length, 0)
  return (
    <div className="fleet">
      <div ref={frame} style={{ position: 'relative' }}>
        <canvas
          ref={canvas}
          role="img"
          tabIndex={0}
          aria-label={`${count(nodes)} nodes as slots; the table below has the same`}
          style={{ height: layout.height }}
          onMouseMove={(event) => {
            const node = at(event)
            setOver(node && { node, x: event.nativeEvent.offsetX, y: event.nativeEvent.offsetY })
          }}
          onMouseLeave={() => setOver(null)}
          onClick={(event) => {
            const node = at(event)
            if (node) pick(node.key)
          }}
          onKeyDown={pressed}
        />
        {over && (
          <div className="tip" style={{ left: Math.min(over.x + 12, Math.max(0, width - 260)), top: over.y + 14 }}>
            <strong>{over.node.node}</strong> <span className="faint">{over.node.cluster}</span>
            <br />
            {KINDS.filter((each) => over.node.amounts[each] > 0)
              .map((each) => `${count(over.node.amounts[each])} ${KIND_WORDS[each].word}`)
              .join(', ')}
            <br />
            <span className="faint">{[...new Set(over.node.entries.map((each) => each.team).filter(Boolean))].join(', ') || 'nobody holds any'}</span>
          </div>
        )}
      </div>
    </div>
  )
}

function draw(canvas: HTMLCanvasElement, layout: Layout, marked: string, kind: SlotKind | null): void {
  const brush = canvas.getContext('2d')
  if (!brush || !layout.width) return
  const scale = window.devicePixelRatio || 1
  canvas.width = layout.width * scale
  canvas.height = layout.height * scale
  brush.setTransform(scale, 0, 0, scale, 0, 0)
  brush.clearRect(0, 0, layout.width, layout.height)
  const colours = coloursOf(canvas)
  brush.font = `12px ${getComputedStyle(canvas).fontFamily}`
  brush.textBaseline = 'middle'
  for (const { title, x, y } of layout.titles) {
    brush.fillStyle = colours.faint
    brush.fillText(title, x, y)
  }
  for (const { node, x, y, width, height } of layout.cells) {
    brush.fillStyle = node.key === marked ? colours.marked : colours.ground
    brush.fillRect(x - 1, y - 1, width + 2, height + 2)
    squaresOf(node)
      .slice(0, MOST)
      .forEach((each, number) => {
        brush.globalAlpha = kind && each !== kind ? 0.18 : 1
        const column = number % layout.columns
        const row = Math.floor(number / layout.columns)
        slot(brush, each, colours, x + column * layout.step, y + row * layout.step, layout.step - 1)
      })
    brush.globalAlpha = 1
    if (node.key === marked) {
      brush.strokeStyle = colours.ink
      brush.lineWidth = 1.5
      brush.strokeRect(x - 2, y - 2, width + 3, height + 3)
    }
  }
}

type Colours = Readonly<Record<SlotKind | 'faint' | 'ground' | 'marked' | 'ink', string>>

/** A pattern for each kind, so that none is told by its colour alone, at three pixels as at ten. */
function slot(brush: CanvasRenderingContext2D, kind: SlotKind, colours: Colours, x: number, y: number, size: number): void {
  brush.fillStyle = colours[kind]
  brush.strokeStyle = colours[kind]
  brush.lineWidth = 1
  const half = Math.max(1, Math.floor(size / 2))
  switch (kind) {
    case 'used':
      brush.fillRect(x, y, size, size)
      break
    case 'unmeasured':
      for (let at = 0; at < size; at += 2) brush.fillRect(x, y + at, size, 1)
      break
    case 'starting':
      for (let at = 0; at < size; at += 2) brush.fillRect(x + at, y, 1, size)
      break
    case 'idle':
      brush.fillRect(x, y + size - half, size, half)
      brush.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1)
      break
    case 'reserved':
      brush.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1)
      brush.fillRect(x + half - 0.5, y + half - 0.5, 1.5, 1.5)
      break
    case 'stranded':
      brush.beginPath()
      brush.moveTo(x, y + size)
      brush.lineTo(x + size, y)
      brush.lineWidth = Math.max(1.2, size / 5)
      brush.stroke()
      brush.lineWidth = 1
      if (size > 4) brush.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1)
      break
    case 'free':
      if (size > 4) brush.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1)
      else brush.fillRect(x + 1, y + 1, 1, 1)
      break
    case 'closed':
      brush.fillRect(x, y + half - 0.5, size, Math.max(1, size / 4))
      break
    case 'broken':
      brush.beginPath()
      brush.lineWidth = Math.max(1.2, size / 4)
      brush.moveTo(x, y)
      brush.lineTo(x + size, y + size)
      brush.moveTo(x + size, y)
      brush.lineTo(x, y + size)
      brush.stroke()
      break
    case 'unknown':
      brush.fillRect(x + half, y + half, 1, 1)
      break
  }
}

const TOKENS: Readonly<Record<keyof Colours, string>> = {
  used: '--good',
  unmeasured: '--good',
  starting: '--move',
  idle: '--wait',
  reserved: '--move',
  stranded: '--strand',
  free: '--free',
  closed: '--free',
  broken: '--bad',
  unknown: '--free',
  faint: '--faint',
  ground: '--sunk',
  marked: '--accent-quiet',
  ink: '--ink',
}

/** Colours as they are in this theme: a canvas knows no variables. */
function coloursOf(canvas: HTMLCanvasElement): Colours {
  const before = canvas.style.color
  const found = Object.fromEntries(
    Object.entries(TOKENS).map(([name, token]) => {
      canvas.style.color = `var(${token})`
      return [name, getComputedStyle(canvas).color]
    }),
  )
  canvas.style.color = before
  return found as Colours
}
