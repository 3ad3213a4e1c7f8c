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

/** What an address says of one of several lists of a screen: in `-used;findings:about` the list without a name has `-used`. */
export function partOf(text: string | undefined, list: string): string | undefined {
  const begin = list && `${list}:`
  const found = text?.split(';').find((each) => (begin ? each.startsWith(begin) : each !== '' && !each.includes(':')))
  return found?.slice(begin.length)
}

/** The same address with something else for that list; empty for what is usual. */
export function withPart(text: string | undefined, list: string, part: string): string {
  const rest = (text ?? '').split(';').filter((each) => each && (list ? !each.startsWith(`${list}:`) : each.includes(':')))
  const own = part && (list ? `${list}:${part}` : part)
  return [...(list ? [] : [own]), ...rest, ...(list ? [own] : [])].filter(Boolean).join(';')
}
