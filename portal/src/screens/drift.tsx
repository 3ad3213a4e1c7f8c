import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { ClusterDrift, DriftField, DriftKind } from '../answers/documents'
import { type DriftRow, differing, driftRows, linesOf } from '../answers/drift_lines'
import { drift, lookAtDrift } from '../answers/queries'
import { askAgain } from '../api/again'
import { status } from '../api/queries'
import { AnswerPanel } from '../parts/answer'
import { CopyCommand, shellWord } from '../parts/copy'
import { widthsOf } from '../parts/grid'
import { Ago } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { State } from '../parts/state'
import { sayTrouble } from '../parts/toasts'
import { useList } from '../store/list'
import { DRIFT, DRIFT_SAID, IN_SYNC, LOOKED_AT, MENDED } from '../words/drift'
import { count, plural, span } from '../words/format'
import { Choice } from './filters'
import { useRowKeys } from './row_keys'

/** What lives in clusters and is not as the platform directory declares it, who changed it, and what mends it. */
export function Drift() {
  const [search, change] = useList()
  const source = sourceOf(useQuery(drift(search.cluster)))
  const served = useQuery(status).data?.backends.filter((each) => each.offer.kind === 'kubernetes').map((each) => each.name) ?? []
  const clusters = source.data?.document.clusters ?? NONE
  const all = useMemo(() => driftRows(clusters), [clusters])
  const kinds = [...new Set(all.map((each) => each.of.drift))]
  const rows = matching(all, search.q, ({ cluster, of, by }) => `${cluster} ${of.object.kind} ${of.object.namespace} ${of.object.name} ${of.message} ${by.join(' ')}`).filter(
    (each) => !search.kind || each.of.drift === search.kind,
  )
  const open = (row: DriftRow) => change({ about: search.about === row.key ? '' : row.key })
  const here = useRowKeys(rows, open)
  const known = [...new Set([...served, ...clusters.map((each) => each.name)])].sort()
  return (
    <>
      <div className="head">
        <h1>Drift</h1>
        <div className="filters">
          <input className="search" aria-label="Filter" placeholder="Object, person, cluster" value={search.q ?? ''} onChange={(event) => change({ q: event.target.value }, 'typing')} />
          <Choice label="Cluster" every="every cluster" values={known} value={search.cluster} pick={(cluster) => change({ cluster })} />
          {(Object.keys(DRIFT) as DriftKind[])
            .filter((each) => kinds.includes(each) || search.kind === each)
            .map((each) => (
              <button key={each} type="button" className="chip" aria-pressed={search.kind === each} title={DRIFT_SAID[each]} onClick={() => change({ kind: search.kind === each ? '' : each })}>
                <State of={DRIFT[each]} />
              </button>
            ))}
        </div>
      </div>
      <AnswerPanel
        title="Clusters against what is declared"
        source={source}
        flush
        acts={
          <>
            <LookAgain cluster={search.cluster} />
            <CopyCommand command={`allot drift${search.cluster ? ` --cluster ${shellWord(search.cluster)}` : ''}`} />
          </>
        }
        empty={(document) =>
          document.clusters.length ? null : (
            <>
              <strong>No cluster is declared</strong>
              <span>
                <code>allot team add</code> and the files of <code>clusters/</code> say what there is to be; this says how what lives differs.
              </span>
            </>
          )
        }
      >
        {(document) => <Standing clusters={document.clusters} ages={ageOf(source.data?.sources ?? [])} />}
      </AnswerPanel>
      <Panel
        title={source.data ? plural(rows.length, 'object', 'objects') : 'Objects'}
        source={source}
        flush
        partial={({ document }) => document.clusters.flatMap((each) => each.notes.map((note) => `in ${each.name}: ${note}`)).join('; ')}
        empty={() =>
          rows.length ? null : all.length ? (
            <span>Nothing that differs is like that.</span>
          ) : (
            <>
              <strong>{clusters.some((each) => each.state === 'in-sync') ? 'Everything seen is as declared' : 'Nothing is known of any cluster yet'}</strong>
              <span>Whoever changes an object of ours by hand is shown here, with the field and the command that puts it right.</span>
            </>
          )
        }
      >
        {() => (
          <div className="scroll grid">
            <table className="table cards" aria-label="What differs">
              <thead>
                <tr>
                  <th style={widthsOf('104px')}>How</th>
                  <th>Object</th>
                  <th className="roomy" style={{ width: '18%' }}>
                    Cluster
                  </th>
                  <th className="number roomy wide" style={{ width: 64 }}>
                    Fields
                  </th>
                  <th className="roomy" style={{ width: '16%' }}>
                    Changed by
                  </th>
                  <th className="number" style={widthsOf('128px')}>
                    Since
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row, number) => (
                  <Row key={row.key} row={row} here={number === here} open={search.about === row.key} toggle={() => open(row)} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
    </>
  )
}

const NONE: never[] = []

function ageOf(sources: readonly { readonly name: string; readonly age_seconds: number | null }[]): ReadonlyMap<string, number | null> {
  return new Map(sources.map((each) => [each.name, each.age_seconds]))
}

function LookAgain({ cluster }: { cluster: string | undefined }) {
  const queries = useQueryClient()
  const look = useMutation({
    mutationFn: () => lookAtDrift(cluster),
    onError: (error) => sayTrouble(error),
    onSettled: () => void askAgain(queries, { queryKey: ['answer', 'drift'] }),
  })
  return (
    <button type="button" className="act plain" disabled={look.isPending} onClick={() => look.mutate()}>
      {look.isPending ? 'Looking' : 'Look again'}
    </button>
  )
}

function Standing({ clusters, ages }: { clusters: readonly ClusterDrift[]; ages: ReadonlyMap<string, number | null> }) {
  const [, change] = useList()
  return (
    <table className="table">
      <thead>
        <tr>
          <th style={{ width: '24%' }}>Cluster</th>
          <th style={widthsOf('130px')}>Stands</th>
          <th className="number" style={widthsOf('84px')}>
            Differ
          </th>
          <th className="number roomy" style={{ width: 110 }}>
            Looked at
          </th>
          <th className="roomy">What is against it</th>
          <th className="roomy" style={{ width: 150 }}>
            <span className="hidden-text">By command</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {clusters.map((each) => {
          const age = ages.get(each.name)
          const refused = each.refused.length ? `${plural(each.refused.length, 'policy refuses', 'policies refuse')} what controllers make` : ''
          return (
            <tr key={each.name}>
              <td title={each.name}>
                <Link to="/drift" search={{ cluster: each.name }}>
                  {each.name}
                </Link>
              </td>
              <td>
                <State of={each.error?.what.includes('looked at') ? LOOKED_AT : IN_SYNC[each.state]} />
              </td>
              <td className="number">
                {each.state === 'unreachable' ? (
                  <span className="faint">–</span>
                ) : (
                  <button type="button" className="link" onClick={() => change({ cluster: each.name, kind: '' })}>
                    {count(differing(each.objects))}
                  </button>
                )}
              </td>
              <td className="number roomy faint">{age === null || age === undefined ? 'never' : `${span(age * 1000)} ago`}</td>
              <td className="roomy two-lines faint" title={each.error?.why}>
                {each.error ? `${each.error.what}${each.error.why ? `: ${each.error.why}` : ''}` : refused}
              </td>
              <td className="roomy">
                {each.objects.some((of) => MENDED.has(of.drift)) && <CopyCommand command={mending(each.name)} label="Copy repair" />}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function mending(cluster: string): string {
  return `allot drift --cluster ${shellWord(cluster)} --repair`
}

function Row({ row, here, open, toggle }: { row: DriftRow; here: boolean; open: boolean; toggle: () => void }) {
  const { object, drift: kind, fields, message } = row.of
  const id = `drift-${row.key}`
  return (
    <>
      <tr className={here ? 'here' : ''}>
        <td className="card-badge" title={DRIFT_SAID[kind]}>
          <State of={DRIFT[kind]} />
        </td>
        <td className="two-lines card-title" title={`${object.kind} ${object.namespace ? `${object.namespace}/` : ''}${object.name}`}>
          <div>
            <button type="button" className="link" aria-expanded={open} aria-controls={id} onClick={toggle}>
              <span aria-hidden="true">{open ? '▾' : '▸'}</span> {object.kind} <b>{object.name}</b>
            </button>{' '}
            {object.namespace && <span className="faint">in {object.namespace}</span>}
          </div>
        </td>
        <td className="roomy faint" data-head="Cluster" title={row.cluster}>
          {row.cluster}
        </td>
        <td className="number roomy wide" data-head="Fields">{fields.length ? count(fields.length) : ''}</td>
        <td className="roomy" data-head="Changed by" title={row.by.join(', ')}>
          {row.by.length ? row.by.join(', ') : <span className="faint">not known</span>}
        </td>
        <td className="number faint" data-head="Since">{row.since === null ? '' : <Ago at={row.since} />}</td>
      </tr>
      {open && (
        <tr className="opened" id={id}>
          <td colSpan={6}>
            <div className="differs">
              <p className="faint">
                {DRIFT_SAID[kind]}
                {message ? `: ${message}` : ''}
              </p>
              {fields.map((field) => (
                <Field key={field.field} of={field} />
              ))}
              <div className="acts">
                {MENDED.has(kind) ? (
                  <CopyCommand command={mending(row.cluster)} label="Copy repair" />
                ) : (
                  <span className="faint">No command of ours mends this: what to do stands above.</span>
                )}
                <CopyCommand command={`allot plan --cluster ${shellWord(row.cluster)}`} label="Copy plan" />
              </div>
            </div>
          </td>
        </tr>
      )}
    </>
  )
}

const SIGN = { live: '−', declared: '+', both: ' ' } as const
const SIDE = { live: 'in the cluster', declared: 'declared', both: '' } as const

function Field({ of }: { of: DriftField }) {
  const since = Date.parse(of.since)
  return (
    <figure className="diff">
      <figcaption>
        <code>{of.field}</code>
        <span className="faint">
          {of.by ? `changed by ${of.by}` : 'who changed it is not known'}
          {!Number.isNaN(since) && (
            <>
              , <Ago at={since} />
            </>
          )}
        </span>
      </figcaption>
      <pre>
        {linesOf(of).map((line, number) => (
          <span key={number} className={`side-${line.side}`} title={SIDE[line.side]}>
            {SIGN[line.side]} {line.text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  )
}
