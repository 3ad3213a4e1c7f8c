import { type CSSProperties, type ReactNode, useMemo } from 'react'
import { useList } from '../store/list'
import { count } from '../words/format'
import { useRows } from './rows'
import { type SortValue, sorted, sortingOf } from './sorting'

export interface Column<R> {
  readonly id: string
  readonly head: string
  readonly width?: string
  /** On a telephone; what is not said shares the room that is left. */
  readonly narrow?: string
  readonly number?: boolean
  /** Shown where there is room for it: not on a telephone. */
  readonly roomy?: boolean
  /** Shown where somebody asks for it. */
  readonly more?: boolean
  readonly sort?: (row: R) => SortValue
  readonly cell: (row: R) => ReactNode
  readonly title?: (row: R) => string
}

interface GridProps<R> {
  readonly label: string
  readonly rows: readonly R[]
  readonly columns: readonly Column<R>[]
  readonly keyOf: (row: R) => string
  /** Column, with `-` for the largest first. */
  readonly usual: string
  readonly open?: (row: R) => void
  /** What is told of the rows that are selected; without it none can be. */
  readonly chosen?: (rows: readonly R[]) => ReactNode
  readonly here?: string
}

/** A long list: order and columns stand in the address, and every row is reached by keys. */
export function Grid<R>({ label, rows, columns, keyOf, usual, open, chosen: told, here: marked }: GridProps<R>) {
  const [search, change] = useList()
  const shown = columnsOf(columns, search.cols)
  const { by, down } = sortingOf(search.sort, usual)
  const value = columns.find((each) => each.id === by)?.sort
  const inOrder = useMemo(() => (value ? sorted(rows, value, down) : rows), [rows, value, down])
  const { box, here, chosen, choose, clear, items, measure, before, after } = useRows({ rows: inOrder, keyOf, open, selects: told !== undefined })
  return (
    <>
      {told && chosen.size > 0 && (
        <div className="note">
          <span className="grow">{told(inOrder.filter((each) => chosen.has(keyOf(each))))}</span>
          <button type="button" className="act plain" onClick={clear}>
            Clear
          </button>
        </div>
      )}
      <div className="scroll grid" ref={box}>
        <table className="table" aria-label={label} aria-rowcount={inOrder.length + 1}>
          <thead>
            <tr>
              {told && (
                <th style={{ width: 32 }}>
                  <span className="hidden-text">Selected</span>
                </th>
              )}
              {shown.map((each) => (
                <th
                  key={each.id}
                  className={classOf(each)}
                  style={widthsOf(each.width, each.narrow)}
                  aria-sort={each.id === by ? (down ? 'descending' : 'ascending') : undefined}
                >
                  {each.sort ? (
                    <button
                      type="button"
                      className="sort"
                      onClick={() => change({ sort: each.id === by && !down ? `-${each.id}` : each.id === by ? each.id : each.number ? `-${each.id}` : each.id })}
                    >
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
              return (
                <tr
                  key={key}
                  data-index={item.index}
                  ref={measure}
                  aria-rowindex={item.index + 2}
                  aria-selected={told ? chosen.has(key) : undefined}
                  className={item.index === here || key === marked ? 'here' : ''}
                >
                  {told && (
                    <td>
                      <input
                        type="checkbox"
                        aria-label={`Select ${key}`}
                        checked={chosen.has(key)}
                        onChange={() => choose(key)}
                      />
                    </td>
                  )}
                  {shown.map((each) => (
                    <td key={each.id} className={classOf(each)} title={each.title?.(row)}>
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

/** How wide a column is, and on a telephone. */
export function widthsOf(width: number | string | undefined, narrow: string | undefined): CSSProperties {
  return { ...(width === undefined ? {} : { width }), ...(narrow ? { '--narrow': narrow } : {}) } as CSSProperties
}

function classOf<R>({ number, roomy }: Column<R>): string {
  return [number ? 'number' : '', roomy ? 'roomy' : ''].filter(Boolean).join(' ')
}

export function columnsOf<R>(columns: readonly Column<R>[], said: string | undefined): readonly Column<R>[] {
  if (!said) return columns.filter((each) => !each.more)
  const wanted = new Set(said.split(','))
  const found = columns.filter((each) => wanted.has(each.id))
  return found.length ? found : columns.filter((each) => !each.more)
}

/** Which columns a list shows. */
export function ColumnsMenu<R>({ columns }: { columns: readonly Column<R>[] }) {
  const [search, change] = useList()
  const shown = new Set(columnsOf(columns, search.cols).map((each) => each.id))
  function toggle(id: string): void {
    const next = columns.filter((each) => (each.id === id ? !shown.has(id) : shown.has(each.id))).map((each) => each.id)
    const usual = columns.filter((each) => !each.more).map((each) => each.id)
    change({ cols: next.length && next.join() !== usual.join() ? next.join(',') : '' })
  }
  return (
    <details className="menu">
      <summary className="act plain">Columns</summary>
      <div>
        {columns.map((each) => (
          <label key={each.id}>
            <input type="checkbox" checked={shown.has(each.id)} onChange={() => toggle(each.id)} /> {each.head}
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
