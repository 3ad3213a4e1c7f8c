import { useEffect, useState } from 'react'
import { writes } from './keys'

/** j, k and Enter in a list that is short enough to be there whole; the number of the row that is marked. */
export function useRowKeys<R>(rows: readonly R[], open: (row: R) => void): number {
  const [here, setHere] = useState(-1)
  useEffect(() => {
    function pressed(event: KeyboardEvent): void {
      if (writes(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
      const row = rows[here]
      if (event.key === 'j') setHere(Math.min(rows.length - 1, here + 1))
      else if (event.key === 'k') setHere(Math.max(0, here - 1))
      else if (event.key === 'Enter' && row !== undefined && document.activeElement === document.body) open(row)
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  })
  return here
}
