import { useVirtualizer } from '@tanstack/react-virtual'
import { type RefObject, useEffect, useRef, useState } from 'react'
import { writes } from '../screens/keys'
import { type Mark, moved, placeOf } from './mark'

const ROW = 28

interface RowsProps<R> {
  readonly rows: readonly R[]
  readonly keyOf: (row: R) => string
  readonly open?: ((row: R) => void) | undefined
  /** Whether rows can be selected. */
  readonly selects: boolean
  /** Whether keys walk it; of several lists of a screen one alone. */
  readonly keys?: boolean
}

/** A long list, of which those rows are drawn that are seen; walked, selected from and opened by keys. */
export function useRows<R>({ rows, keyOf, open, selects, keys = true }: RowsProps<R>) {
  const box: RefObject<HTMLDivElement | null> = useRef<HTMLDivElement>(null)
  const [mark, setMark] = useState<Mark | null>(null)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 20,
  })
  const choose = (key: string) => setChosen((before) => toggled(before, key))
  useEffect(() => {
    function pressed(event: KeyboardEvent): void {
      if (writes(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
      const keyAt = (place: number) => keyOf(rows[place] as R)
      const row = rows[placeOf(mark, rows.length, keyAt)]
      if (event.key === 'j' || event.key === 'k') {
        const next = moved(mark, event.key === 'j' ? 1 : -1, rows.length, keyAt)
        setMark(next)
        if (next) virtual.scrollToIndex(next.at)
      } else if (event.key === 'Enter' && row && open && document.activeElement === document.body) open(row)
      else if (event.key === 'x' && row && selects) choose(keyOf(row))
      else if (event.key === 'Escape') setChosen(new Set())
    }
    if (!keys) return
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [rows, mark, virtual, open, selects, keyOf, keys])
  const items = virtual.getVirtualItems()
  return {
    box,
    /** Key of the row that is marked. */
    here: mark?.key ?? null,
    chosen,
    choose,
    clear: () => setChosen(new Set()),
    items,
    measure: virtual.measureElement,
    /** Pixels of what is not drawn above, and below. */
    before: items[0]?.start ?? 0,
    after: virtual.getTotalSize() - (items.at(-1)?.end ?? 0),
  }
}

function toggled(before: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const now = new Set(before)
  if (!now.delete(id)) now.add(id)
  return now
}
