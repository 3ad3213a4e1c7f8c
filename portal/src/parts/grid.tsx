import { type CSSProperties, type ReactNode, useMemo } from 'react'
import { useList } from '../store/list'
import { count } from '../words/format'
import { useRows } from './rows'
import { partOf, type SortValue, sorted, sortingOf, withPart } from './sorting'

export interface Column<R> {
  readonly id: string
  readonly head: string
  readonly width?: string
  readonly number?: boolean
  /**
   * Where there is little room its head stands in a card instead: beside the title, over its whole width, or not at all.
   * The title is the first column, or the one that says so.
   */
  readonly card?: 'title' | 'badge' | 'whole' | 'none'
  /** Shown where there is room for it. */
  readonly roomy?: boolean
  /** Shown where there is much room. */
  readonly wide?: boolean
  /** Never cut, as numbers and states never are; other columns yield. */
  readonly whole?: boolean
  /** Shown where somebody asks for it. */
  readonly more?: boolean
  readonly sort?: (row: R) => SortValue
  readonly cell: (row: R) => ReactNode
  readonly title?: (row: R) => string
}

/** What a row is besides its cells. */
export interface RowLook {
  readonly className?: string
  readonly level?: number
  readonly expanded?: boolean | undefined
}

interface GridProps<R> {
  readonly label: string
  readonly rows: readonly R[]
  readonly columns: readonly Column<R>[]
  readonly keyOf: (row: R) => string
  /** Column, with `-` for the largest first. */
  readonly usual: string
  /** Which of several lists of the screen it is, in the address. */
  readonly list?: string
  /** Whether rows come in the usual order, or in the one that the address says, as those of a tree do. */
  readonly given?: 'usual' | 'always'
  readonly look?: (row: R) => RowLook
  /** By what name a row is selected. */
  readonly nameOf?: (row: R) => string
  readonly open?: (row: R) => void
  /** What is told of the rows that are selected; without it none can be. */
  readonly chosen?: (rows: readonly R[], clear: () => void) => ReactNode
  readonly here?: string
}

/** A long list: order and columns stand in the address, and every row is reached by keys. */
export function Grid<R>({ label, rows, columns, keyOf, usual, list = '', given, look, nameOf = keyOf, open, chosen: told, here: marked }: GridProps<R>) {
  const [search, change] = useList()
  const shown = columnsOf(columns, partOf(search.cols, list))
  const title = Math.max(0, shown.findIndex((each) => each.card === 'title'))
  const said = partOf(search.sort, list)
  const { by, down } = sortingOf(said, usual)
  const value = columns.find((each) => each.id === by)?.sort
  const asGiven = given === 'always' || (given === 'usual' && (!said || said === usual))
  const inOrder = useMemo(() => (value && !asGiven ? sorted(rows, value, down) : rows), [rows, value, down, asGiven])
  const { box, here, chosen, choose, clear, items, measure, before, after } = useRows({ rows: inOrder, keyOf, open, selects: told !== undefined, keys: !list })
  const sortBy = (each: Column<R>) => change({ sort: withPart(search.sort, list, nextSort(each, by, down)) })
  return (
    <>
      {told && chosen.size > 0 && (
        <div className="note">
          <span className="grow">{told(inOrder.filter((each) => chosen.has(keyOf(each))), clear)}</span>
          <button type="button" className="act plain" onClick={clear}>
            Clear
          </button>
        </div>
      )}
      <div className="scroll grid" ref={box}>
        <table className="table cards" role={look ? 'treegrid' : undefined} aria-label={label} aria-rowcount={inOrder.length + 1}>
          <thead>
            <tr>
              {told && (
                <th style={{ width: 36 }}>
                  <span className="hidden-text">Selected</span>
                </th>
              )}
              {shown.map((each) => (
                <th
                  key={each.id}
                  className={classOf(each)}
                  style={widthsOf(each.width)}
                  aria-sort={each.id === by ? (down ? 'descending' : 'ascending') : undefined}
                >
                  {each.sort ? (
                    <button type="button" className="sort" onClick={() => sortBy(each)}>
                      {each.head}
                      <span aria-hidden="true">{each.id === by ? (down ? ' ↓' : ' ↑') : ''}</span>
                    </button>
                  ) : (
                    each.head
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {before > 0 && <tr style={{ height: before }} aria-hidden="true" />}
            {items.map((item) => {
              const row = inOrder[item.index]
              if (row === undefined) return null
              const key = keyOf(row)
              const special = look?.(row)
              return (
                <tr
                  key={key}
                  data-index={item.index}
                  ref={measure}
                  aria-rowindex={item.index + 2}
                  aria-level={special?.level}
                  aria-expanded={special?.expanded}
                  aria-selected={told ? chosen.has(key) : undefined}
                  className={[key === here || key === marked ? 'here' : '', special?.className ?? ''].filter(Boolean).join(' ')}
                >
                  {told && (
                    <td className="pick">
                      <input
                        type="checkbox"
                        aria-label={`Select ${nameOf(row)}`}
                        checked={chosen.has(key)}
                        onChange={() => choose(key)}
                      />
                    </td>
                  )}
                  {shown.map((each, number) => (
                    <td key={each.id} className={number === title ? `${classOf(each)} card-title` : classOf(each)} data-head={each.head} title={each.title?.(row)}>
                      {each.cell(row)}
                    </td>
                  ))}
                </tr>
              )
            })}
            {after > 0 && <tr style={{ height: after }} aria-hidden="true" />}
          </tbody>
        </table>
      </div>
    </>
  )
}

/** Numbers come largest first; once more on the same head is the other way round. */
function nextSort<R>(column: Column<R>, by: string, down: boolean): string {
  const falls = column.id === by ? !down : Boolean(column.number)
  return falls ? `-${column.id}` : column.id
}

/** How wide a column is; on a telephone otherwise, where that is said. */
export function widthsOf(width: number | string | undefined, narrow?: string): CSSProperties {
  return { ...(width === undefined ? {} : { width }), ...(narrow === undefined ? {} : { '--narrow': narrow }) }
}

function classOf<R>({ number, roomy, wide, whole, card }: Column<R>): string {
  return [number && 'number', roomy && 'roomy', wide && 'wide', whole && 'whole', card && card !== 'title' && `card-${card}`].filter(Boolean).join(' ')
}

export function columnsOf<R>(columns: readonly Column<R>[], said: string | undefined): readonly Column<R>[] {
  if (!said) return columns.filter((each) => !each.more)
  const wanted = new Set(said.split(','))
  const found = columns.filter((each) => wanted.has(each.id))
  return found.length ? found : columns.filter((each) => !each.more)
}

/** Which columns a list shows, and, where its head has no room, by which it is sorted. */
export function ColumnsMenu<R>({ columns, list = '' }: { columns: readonly Column<R>[]; list?: string }) {
  const [search, change] = useList()
  const shown = new Set(columnsOf(columns, partOf(search.cols, list)).map((each) => each.id))
  function toggle(id: string): void {
    const next = columns.filter((each) => (each.id === id ? !shown.has(id) : shown.has(each.id))).map((each) => each.id)
    const usual = columns.filter((each) => !each.more).map((each) => each.id)
    change({ cols: withPart(search.cols, list, next.length && next.join() !== usual.join() ? next.join(',') : '') })
  }
  return (
    <details className="menu">
      <summary className="act plain">Columns</summary>
      <div>
        <label className="narrow">
          Sorted by{' '}
          <select value={partOf(search.sort, list) ?? ''} onChange={(event) => change({ sort: withPart(search.sort, list, event.target.value) })}>
            <option value="">what is usual</option>
            {columns
              .filter((each) => each.sort)
              .flatMap((each) => [
                <option key={each.id} value={each.id}>
                  {each.head} ↑
                </option>,
                <option key={`-${each.id}`} value={`-${each.id}`}>
                  {each.head} ↓
                </option>,
              ])}
          </select>
        </label>
        {columns.map((each) => (
          <label key={each.id}>
            <input type="checkbox" aria-label={`Show ${each.head}`} checked={shown.has(each.id)} onChange={() => toggle(each.id)} /> {each.head}
          </label>
        ))}
      </div>
    </details>
  )
}

/** How many of all are shown. */
export function shownOf(shown: number, all: number, word: (number: number) => string): string {
  return shown === all ? word(all) : `${count(shown)} of ${word(all)}`
}
