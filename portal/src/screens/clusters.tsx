import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { ClusterState } from '../answers/documents'
import { clusterStates } from '../answers/queries'
import { connectedClusters, whoami } from '../api/queries'
import type { ToldCluster } from '../api/schema'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { CopyCommand } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Moment } from '../parts/moment'
import { matching } from '../parts/sorting'
import { State } from '../parts/state'
import { useList } from '../store/list'
import { useNow } from '../store/now'
import { plural, span } from '../words/format'
import type { StateLook } from '../words/states'
import { Filters, useWhere } from './filters'

export const CLUSTER: Readonly<Record<ClusterState['state'], StateLook>> = {
  current: { word: 'current', tone: 'good', shape: 'dot' },
  stale: { word: 'stale', tone: 'wait', shape: 'half' },
  silent: { word: 'silent', tone: 'bad', shape: 'cross' },
  opening: { word: 'opening', tone: 'move', shape: 'half' },
}

interface Row extends ClusterState {
  /** How it is reached; null where somebody may not know, or the server does it by its own kubeconfig. */
  readonly told: ToldCluster | null
}

/** Which clusters answer, and how old what is known of each is. */
export function Clusters() {
  const [search, change] = useList()
  const where = useWhere(search)
  const source = useAnswer(clusterStates(where))
  const may = useQuery(whoami).data?.permissions.includes('clusters') ?? false
  const told = useQuery({ ...connectedClusters, enabled: may, retry: false }).data
  const now = useNow(1000)
  const all = useMemo<readonly Row[]>(
    () => (source.data?.document.items ?? []).map((each) => ({ ...each, told: told?.find((other) => other.name === each.name) ?? null })),
    [source.data, told],
  )
  const rows = matching(all, search.q, (each) => `${each.name} ${each.purpose ?? ''} ${each.environment ?? ''}`).filter((each) => !search.kind || each.state === search.kind)
  const since = source.at ? Math.max(0, now - source.at) : 0
  const behind = all.some((each) => whyOf(each) !== null)
  const columns = useMemo(() => columnsOf(since, behind), [since, behind])
  return (
    <>
      <div className="head">
        <h1>Clusters</h1>
        <Filters text="Name, purpose">
          {(Object.keys(CLUSTER) as ClusterState['state'][]).map((each) => (
            <button key={each} type="button" className="chip" aria-pressed={search.kind === each} onClick={() => change({ kind: search.kind === each ? '' : each })}>
              <State of={CLUSTER[each]} />
            </button>
          ))}
        </Filters>
      </div>
      <AnswerPanel
        title={source.data ? shownOf(rows.length, all.length, (number) => plural(number, 'cluster')) : 'Clusters'}
        source={source}
        flush
        acts={
          <>
            <CopyCommand command="allot cluster status" />
            <ColumnsMenu columns={columns} />
          </>
        }
        empty={() =>
          rows.length ? null : all.length ? (
            <span>No cluster is like that.</span>
          ) : (
            <>
              <strong>No cluster is declared</strong>
              <span>
                Declare one in the platform directory, and give the server what it reaches it by: <code>allot cluster connect</code>.
              </span>
            </>
          )
        }
      >
        {() => <Grid label="Clusters" rows={rows} columns={columns} keyOf={(each) => each.name} usual="state" />}
      </AnswerPanel>
    </>
  )
}

const ORDER: readonly ClusterState['state'][] = ['silent', 'stale', 'opening', 'current']

/** Why nothing newer is known of it; null where what is known is of now. */
function whyOf(row: Row): string | null {
  return row.error ?? row.away ?? null
}

/** Why something is not newer has a column where there is such a reason; else somebody has to ask for it. */
function columnsOf(since: number, behind: boolean): readonly Column<Row>[] {
  return [
    {
      id: 'name',
      head: 'Cluster',
      width: '20%',
      whole: true,
      sort: (each) => each.name,
      cell: (each) => (
        <Link to="/fleet" search={{ cluster: each.name }}>
          {each.name}
        </Link>
      ),
      title: (each) => each.name,
    },
    { id: 'state', head: 'State', width: '100px', card: 'badge', sort: (each) => ORDER.indexOf(each.state), cell: (each) => <State of={CLUSTER[each.state]} /> },
    {
      id: 'age',
      head: 'Age of its data',
      width: '110px',
      number: true,
      sort: (each) => each.ageSeconds,
      cell: (each) => (each.ageSeconds === null ? <span className="faint">never seen</span> : span(each.ageSeconds * 1000 + since)),
    },
    { id: 'purpose', head: 'Purpose', width: '112px', roomy: true, whole: true, wide: behind, sort: (each) => each.purpose, cell: (each) => each.purpose ?? '' },
    { id: 'environment', head: 'Environment', width: '112px', roomy: true, whole: true, wide: behind, sort: (each) => each.environment, cell: (each) => each.environment ?? '' },
    {
      id: 'why',
      head: 'Why not newer',
      roomy: true,
      more: !behind,
      card: 'whole',
      sort: whyOf,
      cell: (each) => {
        const why = whyOf(each)
        return why === null ? null : <span className="wrapped">{why}</span>
      },
      title: (each) => whyOf(each) ?? '',
    },
    {
      id: 'gaps',
      head: 'Could not be read',
      card: 'whole',
      width: behind ? '20%' : '30%',
      roomy: true,
      sort: (each) => each.gaps.length,
      cell: (each) => (each.gaps.length ? each.gaps.map((gap) => gap.what).join(', ') : <span className="faint">nothing is missing</span>),
      title: (each) => each.gaps.map((gap) => `${gap.what}: ${gap.reason}`).join('; '),
    },
    {
      id: 'connected',
      head: 'Connected by',
      width: '14%',
      roomy: true,
      more: true,
      sort: (each) => each.told?.connected_by ?? null,
      cell: (each) =>
        each.told?.connected_by ? (
          <>
            {each.told.connected_by}
            {each.told.connected != null && (
              <>
                {' '}
                <Moment at={each.told.connected} />
              </>
            )}
          </>
        ) : (
          ''
        ),
    },
  ]
}
