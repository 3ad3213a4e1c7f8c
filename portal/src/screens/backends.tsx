import { useQuery } from '@tanstack/react-query'
import { status } from '../api/queries'
import type { ServerStatus } from '../api/schema'
import { CopyCommand } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { Ago } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { Glyph, State } from '../parts/state'
import { useList } from '../store/list'
import { count } from '../words/format'
import type { StateLook } from '../words/states'
import { Filters } from './filters'

const ANSWERS: StateLook = { word: 'answers', tone: 'good', shape: 'check' }

type Backend = ServerStatus['backends'][number]

/** Where jobs run. */
export function Backends() {
  const [search] = useList()
  const source = sourceOf(useQuery(status))
  const meant = (all: readonly Backend[]) => matching(all, search.q, (each) => `${each.name} ${each.offer.kind} ${offered(each)}`)
  return (
    <>
      <div className="head">
        <h1>Back ends</h1>
        <Filters text="Name, kind, accelerator" views={false} />
      </div>
      <Panel
        title="Where jobs run"
        source={source}
        flush
        acts={
          <>
            <CopyCommand command="allot up" />
            <ColumnsMenu columns={COLUMNS} />
          </>
        }
        empty={({ backends }) => (meant(backends).length ? null : backends.length ? <span>None is like that.</span> : <span>None is open yet.</span>)}
      >
        {({ backends }) => <Grid label="Back ends" rows={meant(backends)} columns={COLUMNS} keyOf={(each) => each.name} usual="name" />}
      </Panel>
    </>
  )
}

function offered(backend: Backend): string {
  return Object.entries(backend.offer.accelerators ?? {})
    .map(([name, number]) => `${count(number)} ${name}`)
    .join(', ')
}

const COLUMNS: readonly Column<Backend>[] = [
  { id: 'name', head: 'Name', sort: (each) => each.name, cell: (each) => each.name },
  { id: 'kind', head: 'Kind', sort: (each) => each.offer.kind, cell: (each) => each.offer.kind },
  { id: 'accelerators', head: 'Accelerators', sort: offered, cell: offered, title: offered },
  {
    id: 'heard',
    head: 'Heard',
    sort: (each) => each.silent_since,
    cell: (each) =>
      each.unreachable ? (
        <span className="state tone-bad">
          <Glyph shape="cross" tone="bad" />
          <span className="anywhere">
            {each.unreachable}
            {each.silent_since !== null && (
              <>
                , <Ago at={each.silent_since} />
              </>
            )}
          </span>
        </span>
      ) : (
        <State of={ANSWERS} />
      ),
    title: (each) => each.unreachable,
  },
]
