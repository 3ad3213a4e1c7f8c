/** What a list is sorted by; null goes last, whichever way round. */
export type SortValue = number | string | null

const order = new Intl.Collator('en', { numeric: true })

export interface Sorting {
  readonly by: string
  readonly down: boolean
}

export function sortingOf(text: string | undefined, usual: string): Sorting {
  const said = text || usual
  return said.startsWith('-') ? { by: said.slice(1), down: true } : { by: said, down: false }
}

export function sorted<R>(rows: readonly R[], value: (row: R) => SortValue, down: boolean): readonly R[] {
  return [...rows].sort((a, b) => {
    const one = value(a)
    const other = value(b)
    if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1
    const found = typeof one === 'number' && typeof other === 'number' ? one - other : order.compare(String(one), String(other))
    return down ? -found : found
  })
}

/** Rows in which every word is found. */
export function matching<R>(rows: readonly R[], text: string | undefined, wordsOf: (row: R) => string): readonly R[] {
  const words = (text ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  if (!words.length) return rows
  return rows.filter((row) => {
    const said = wordsOf(row).toLowerCase()
    return words.every((each) => said.includes(each))
  })
}
