import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { CauseLine } from '../answers/documents'
import { causeOf, causes } from '../answers/queries'
import { CopyCommand } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Panel, sourceOf } from '../parts/panel'
import { Prose } from '../parts/prose'
import { matching } from '../parts/sorting'
import { useList } from '../store/list'
import { plural } from '../words/format'
import { Choice, Filters } from './filters'

/** What a cause of waiting means, how it is seen by hand, and what to do. */
export function CausePageScreen() {
  const { code } = useParams({ from: '/help/$code' })
  const source = sourceOf(useQuery(causeOf(code)))
  const entry = source.data?.document
  return (
    <>
      <div className="head">
        <h1>{entry ? begun(entry.title) : code}</h1>
        <span className="faint mono">{code}</span>
        <span className="grow" />
        <CopyCommand command={`allot explain ${code}`} />
        <Link to="/help" className="act">
          All causes
        </Link>
      </div>
      <Panel
        title={entry ? `${entry.id}, of the ${entry.layer} layer` : 'Cause'}
        source={source}
        flush
        acts={entry && <Link to="/waiting" search={{ kind: entry.id }}>What waits by it now</Link>}
      >
        {(told) => <Prose text={told.document.page} />}
      </Panel>
    </>
  )
}

/** A title begins with a capital, whatever it is in the middle of a sentence. */
function begun(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1)
}

/** All causes of waiting. */
export function Help() {
  const [search, change] = useList()
  const source = sourceOf(useQuery(causes))
  const all = source.data?.document.items ?? NONE
  const layers = useMemo(() => [...new Set(all.map((each) => each.layer))], [all])
  const rows = matching(all, search.q, (each) => `${each.code} ${each.id} ${each.title}`).filter((each) => !search.by || each.layer === search.by)
  return (
    <>
      <div className="head">
        <h1>Causes of waiting</h1>
        <Filters text="Code, cause, words" views={false}>
          <Choice label="Layer" every="every layer" values={layers} value={search.by} pick={(by) => change({ by })} />
        </Filters>
      </div>
      <Panel
        title={source.data ? shownOf(rows.length, all.length, (number) => plural(number, 'cause')) : 'Causes'}
        source={source}
        flush
        acts={
          <>
            <CopyCommand command="allot causes" />
            <ColumnsMenu columns={COLUMNS} />
          </>
        }
        empty={() => (rows.length ? null : <span>No cause is called so. Codes look like ALT-1316.</span>)}
      >
        {() => <Grid label="Causes" rows={rows} columns={COLUMNS} keyOf={(each) => each.code} usual="code" />}
      </Panel>
    </>
  )
}

const NONE: readonly CauseLine[] = []

const COLUMNS: readonly Column<CauseLine>[] = [
  {
    id: 'code',
    head: 'Code',
    width: '100px',
    sort: (each) => each.code,
    cell: (each) => (
      <Link to="/help/$code" params={{ code: each.code }} className="mono">
        {each.code}
      </Link>
    ),
  },
  { id: 'title', head: 'What it means', card: 'whole', sort: (each) => each.title, cell: (each) => each.title, title: (each) => each.title },
  { id: 'id', head: 'Cause', width: '32%', roomy: true, card: 'whole', sort: (each) => each.id, cell: (each) => <span className="mono faint">{each.id}</span> },
  { id: 'layer', head: 'Layer', width: '14%', roomy: true, card: 'badge', sort: (each) => each.layer, cell: (each) => each.layer },
]
