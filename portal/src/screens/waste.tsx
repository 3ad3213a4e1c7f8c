import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { WasteEntry } from '../answers/documents'
import { waste } from '../answers/queries'
import { amountsOf, devicesIn, kindOf, KIND_WORDS } from '../answers/slots'
import { isLost, type WasteRow, wasteRows } from '../answers/waste_rows'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { KindBar, ShareBar, Swatch } from '../parts/bars'
import { CopyAnswer } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { matching } from '../parts/sorting'
import { useList } from '../store/list'
import { count, money, plural } from '../words/format'
import { Filters, useWhere } from './filters'

const BY = ['cause', 'team', 'node'] as const
type By = (typeof BY)[number]
const WORDS: Readonly<Record<By, string>> = { cause: 'Cause', team: 'Team', node: 'Node' }

/** Where the devices go at this moment, and what it costs an hour. */
export function WastePage() {
  const [search, change] = useList()
  const by: By = BY.find((each) => each === search.by) ?? 'cause'
  const source = useAnswer(waste(useWhere(search)))
  const document = source.data?.document
  const entries = document?.entries ?? NONE
  const meant = useMemo(
    () =>
      entries.filter(
        (each) => (!search.kind || each.cause === search.kind) && (!search.team || nameOf(each, 'team') === search.team),
      ),
    [entries, search.kind, search.team],
  )
  const all = useMemo(() => wasteRows(meant, (each) => nameOf(each, by)), [meant, by])
  const rows = matching(all, search.q, (each) => each.name)
  const amounts = useMemo(() => amountsOf(meant), [meant])
  const currency = document?.currency ?? ''
  const columns = useMemo(() => columnsOf(by, currency), [by, currency])
  const lost = meant.filter(isLost)
  return (
    <>
      <div className="head">
        <h1>Waste</h1>
        <Filters text={WORDS[by]} clusters={source.data?.sources.map((each) => each.name) ?? []}>
          {BY.map((each) => (
            <button key={each} type="button" className="chip" aria-pressed={by === each} onClick={() => change({ by: each === 'cause' ? '' : each, sort: '', q: '' })}>
              by {each}
            </button>
          ))}
          {search.kind && <button type="button" className="chip" aria-pressed onClick={() => change({ kind: '' })}>{search.kind} ×</button>}
          {search.team && <button type="button" className="chip" aria-pressed onClick={() => change({ team: '' })}>{search.team} ×</button>}
        </Filters>
      </div>
      <AnswerPanel
        title={document ? shownOf(rows.length, all.length, (number) => plural(number, by)) : 'Where devices go'}
        source={source}
        flush
        acts={
          <>
            <CopyAnswer command={`allot waste${by === 'cause' ? '' : ` --by ${by}`}`} of={source.data} />
            <ColumnsMenu columns={columns} />
          </>
        }
        remarks={(told) => told.remarks}
        empty={() => (meant.length ? null : <span>No accelerators are seen at present; <Link to="/clusters">clusters</Link> says which clusters answer.</span>)}
      >
        {() => (
          <>
            <div className="pad">
              <div className="figures">
                <Figure said={`of ${plural(devicesOf(meant), 'GPU')}, put to no use now`} value={count(devicesOf(lost))} />
                <Figure said="of that, held by somebody" value={count(devicesOf(lost.filter((each) => each.object || each.team)))} />
                <Figure said="costs an hour, where prices are declared" value={money(costOf(lost), currency)} />
              </div>
              <div style={{ paddingTop: 12 }}>
                <KindBar amounts={amounts} tall />
              </div>
            </div>
            <Grid
              label={`Devices by ${by}`}
              rows={rows}
              columns={columns}
              keyOf={(each) => each.name}
              usual="-lost"
              open={(each) => (by === 'cause' ? change({ kind: each.name, by: 'team', sort: '' }) : by === 'team' ? change({ team: each.name, by: 'node', sort: '' }) : undefined)}
            />
          </>
        )}
      </AnswerPanel>
    </>
  )
}

const NONE: readonly WasteEntry[] = []

function devicesOf(entries: readonly WasteEntry[]): number {
  return devicesIn(entries.reduce((sum, each) => sum + each.gpuMs, 0))
}

function costOf(entries: readonly WasteEntry[]): number {
  return entries.reduce((sum, each) => sum + (each.cost ?? 0), 0)
}

export function nameOf(entry: WasteEntry, by: By): string {
  if (by === 'cause') return entry.cause
  if (by === 'node') return entry.cluster ? `${entry.cluster}/${entry.node}` : entry.node
  return entry.team || entry.namespace || entry.queue || '(nobody)'
}

function Figure({ said, value }: { said: string; value: string }) {
  return (
    <div className="figure">
      <b>{value}</b>
      <span>{said}</span>
    </div>
  )
}

function columnsOf(by: By, currency: string): readonly Column<WasteRow>[] {
  return [
    {
      id: 'name',
      head: WORDS[by],
      width: '26%',
      sort: (each) => each.name,
      title: (each) => (by === 'cause' ? KIND_WORDS[kindOf(each.name)].means : each.name),
      cell: (each) => <Name of={each} by={by} />,
    },
    { id: 'bar', head: 'What becomes of them', roomy: true, card: 'whole', sort: (each) => each.share, cell: (each) => (by === 'cause' ? <ShareBar share={each.share} tone={each.lost ? 'wait' : 'good'} /> : <KindBar amounts={each.amounts} />) },
    { id: 'devices', head: 'GPUs', width: '88px', number: true, sort: (each) => each.devices, cell: (each) => count(each.devices) },
    { id: 'share', head: 'Share', width: '76px', number: true, roomy: true, sort: (each) => each.share, cell: (each) => `${(each.share * 100).toFixed(1)} %` },
    { id: 'lost', head: 'To no use', width: '88px', number: true, sort: (each) => each.lost, cell: (each) => (each.lost ? count(each.lost) : <span className="faint">0</span>) },
    {
      id: 'cost',
      head: 'Costs an hour',
      width: '120px',
      number: true,
      roomy: true,
      sort: (each) => each.cost,
      cell: (each) => (each.cost === null ? <span className="faint">no price</span> : money(each.cost, currency)),
    },
  ]
}

function Name({ of, by }: { of: WasteRow; by: By }) {
  if (by === 'team')
    return of.name.startsWith('(') ? (
      <span className="faint">{of.name}</span>
    ) : (
      <Link to="/teams/$team" params={{ team: of.name }}>
        {of.name}
      </Link>
    )
  if (by === 'node')
    return (
      <Link to="/fleet" search={{ node: of.name }}>
        {of.name}
      </Link>
    )
  return (
    <span className="state">
      <Swatch kind={kindOf(of.name)} />
      <Link to="/waste" search={{ kind: of.name, by: 'team' }}>
        {of.name}
      </Link>
    </span>
  )
}
