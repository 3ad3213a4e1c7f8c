import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Holding, Room } from '../answers/documents'
import { holdKey, idleFor, idleWeight, oddities, sumsOf } from '../answers/holds'
import { holdings, rooms } from '../answers/queries'
import { amountsOfRoom } from '../answers/rooms'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { KindBar } from '../parts/bars'
import { CopyAnswer, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { matching } from '../parts/sorting'
import { Glyph } from '../parts/state'
import { Moment } from '../parts/moment'
import { Name } from '../parts/name'
import { Person, Work } from '../parts/work'
import { useNow } from '../store/now'
import { useList } from '../store/list'
import { rangeOf, within } from '../store/range'
import { count, plural, span } from '../words/format'
import { ACCELERATOR } from './accelerator_column'
import { Choice, Chosen, Filters, TimeChoice, useWhere } from './filters'
import { Saturated } from './saturated'

/** Who holds what: each hold with its team, person, and how long it has been idle. */
export function Accelerators() {
  const [search, change] = useList()
  const where = useWhere(search)
  const held = useAnswer(holdings(where))
  const room = useAnswer(rooms(where))
  const now = useNow(60_000)
  const all = held.data?.document.items ?? NONE
  const kinds = useMemo(() => [...new Set(all.map((each) => each.accelerator))].sort(), [all])
  const teams = useMemo(() => [...new Set(all.map((each) => each.team))].sort(), [all])
  const range = rangeOf(search, now)
  const idle = search.kind === 'idle'
  const odd = search.kind === 'odd'
  const rows = useMemo(
    () =>
      matching(all, search.q, (each) => [each.team, each.person, each.job, each.cluster, each.queue, ...each.nodes].join(' ')).filter(
        (each) =>
          (!search.accelerator || each.accelerator === search.accelerator) &&
          (!search.team || each.team === search.team) &&
          (!search.person || each.person === search.person) &&
          within(each.since === null ? null : Date.parse(each.since), range) &&
          (!idle || Boolean(each.idleDevices)) &&
          (!odd || oddities(each).length > 0),
      ),
    [all, search, idle, odd, range.from, range.to],
  )
  const columns = useMemo(() => columnsOf(now), [now])
  return (
    <>
      <div className="head">
        <h1>Accelerators</h1>
        <Filters text="Team, person, work, node" clusters={held.data?.sources.map((each) => each.name) ?? []}>
          <Choice label="Accelerator" every="every accelerator" values={kinds} value={search.accelerator} pick={(accelerator) => change({ accelerator })} />
          <Choice label="Team" every="every team" values={teams} value={search.team} pick={(team) => change({ team })} />
          <button type="button" className="chip" aria-pressed={idle} onClick={() => change({ kind: idle ? '' : 'idle' })}>
            held idle
          </button>
          <button type="button" className="chip" aria-pressed={odd} onClick={() => change({ kind: odd ? '' : 'odd' })}>
            past queues, or over
          </button>
          <TimeChoice of="Held since" />
          {search.person && <Chosen said={`of ${search.person}`} drop={() => change({ person: '' })} />}
        </Filters>
      </div>
      <AnswerPanel
        title={held.data ? titleOf(rows, all.length) : 'Who holds what'}
        source={held}
        flush
        acts={
          <>
            <CopyAnswer command={commandOf(search)} of={held.data} />
            <ColumnsMenu columns={columns} />
          </>
        }
        remarks={(document) => document.notes}
        empty={() =>
          rows.length ? null : all.length ? (
            <>
              <strong>Nobody holds any like that</strong>
              <button type="button" className="act" onClick={() => change({ q: '', accelerator: '', team: '', person: '', kind: '', since: '', until: '' })}>
                Show all {count(all.length)}
              </button>
            </>
          ) : (
            <>
              <strong>Nobody holds an accelerator</strong>
              <span>
                <Link to="/submit">Submit</Link> a job, and it is shown here with its team, how long it holds them, and when it ends.
              </span>
            </>
          )
        }
      >
        {() => (
          <Grid
            label="Who holds what"
            rows={rows}
            columns={columns}
            keyOf={holdKey}
            usual="-idle"
            open={(each) => each.nodes[0] && change({ q: each.nodes[0] })}
            chosen={chosenOf}
          />
        )}
      </AnswerPanel>
      <AnswerPanel
        title="What there is"
        source={room}
        flush
        acts={<ColumnsMenu columns={ROOM} list="room" />}
        remarks={(document) => document.notes}
        empty={(document) => (document.items.length ? null : <span>No accelerators are seen yet: <Link to="/clusters">clusters</Link> says which answer.</span>)}
      >
        {(document) => <Grid label="What there is" list="room" rows={search.accelerator ? document.items.filter((each) => each.accelerator === search.accelerator) : document.items} columns={ROOM} keyOf={(each) => `${each.cluster}/${each.accelerator}/${each.resource}`} usual="accelerator" />}
      </AnswerPanel>
      <Saturated />
    </>
  )
}

const NONE: readonly Holding[] = []

function titleOf(rows: readonly Holding[], all: number): string {
  const { devices, idle } = sumsOf(rows)
  return `${shownOf(rows.length, all, (number) => plural(number, 'hold'))}: ${plural(devices, 'GPU')}, ${count(idle)} idle`
}

function chosenOf(rows: readonly Holding[]) {
  const { devices, idle, untold } = sumsOf(rows)
  const words = rows.map((each) => `${each.team}\t${each.person ?? ''}\t${each.job ?? ''}\t${each.devices}\t${each.accelerator}`)
  return (
    <>
      {plural(rows.length, 'hold')} selected: {plural(devices, 'GPU')}, {count(idle)} idle{untold ? `, ${count(untold)} without telemetry` : ''}{' '}
      <button type="button" className="act plain" onClick={() => void navigator.clipboard.writeText(words.join('\n'))}>
        Copy as table
      </button>
    </>
  )
}

function commandOf(search: { accelerator?: string; team?: string }): string {
  const words = ['allot who']
  if (search.accelerator) words.push(`--accelerator ${shellWord(search.accelerator)}`)
  if (search.team) words.push(`--team ${shellWord(search.team)}`)
  return words.join(' ')
}

function IdleCell({ of, now }: { of: Holding; now: number }) {
  if (of.idleDevices === null) return <span className="faint">no telemetry</span>
  if (!of.idleDevices) return <span className="faint">at work</span>
  const since = idleFor(of, now)
  return (
    <span className="state tone-wait">
      <Glyph shape="half" tone="wait" />
      {of.idleDevices === of.devices ? '' : `${count(of.idleDevices)} of them `}
      {since === null ? 'idle' : span(since)}
    </span>
  )
}

function columnsOf(now: number): readonly Column<Holding>[] {
  return [
    {
      id: 'team',
      head: 'Team',
      width: '104px',
      whole: true,
      sort: (each) => each.team,
      cell: (each) => (
        <Link to="/teams/$team" params={{ team: each.team }}>
          {each.team}
        </Link>
      ),
      title: (each) => each.team,
    },
    {
      id: 'person',
      head: 'Person',
      width: '15%',
      roomy: true,
      sort: (each) => each.person,
      cell: (each) => (each.person === null ? <span className="faint">not known</span> : <Person of={each.person} />),
      title: (each) => each.person ?? '',
    },
    {
      id: 'job',
      head: 'Work',
      card: 'whole',
      sort: (each) => each.job,
      cell: (each) => (
        <>
          <Work of={each.job} brief />
          {oddities(each).map((said) => (
            <span key={said} className="tone-wait">
              {' '}
              · {said}
            </span>
          ))}
        </>
      ),
      title: (each) => [each.job, ...oddities(each)].filter(Boolean).join(' · '),
    },
    {
      id: 'devices',
      head: 'GPUs',
      width: '84px',
      number: true,
      sort: (each) => each.devices,
      cell: (each) => (
        <>
          {count(each.devices)} <span className="faint">{each.accelerator}</span>
        </>
      ),
      title: (each) => `${each.accelerator} (${each.resource})`,
    },
    {
      id: 'accelerator',
      head: 'Accelerator',
      width: '90px',
      roomy: true,
      more: true,
      sort: (each) => each.accelerator,
      cell: (each) => each.accelerator,
      title: (each) => `${each.accelerator} (${each.resource})`,
    },
    { id: 'idle', head: 'Idle', width: '96px', number: true, card: 'badge', sort: (each) => idleWeight(each, now), cell: (each) => <IdleCell of={each} now={now} /> },
    {
      id: 'since',
      head: 'Held for',
      width: '92px',
      number: true,
      roomy: true,
      sort: (each) => (each.since === null ? null : now - Date.parse(each.since)),
      cell: (each) => (each.since === null ? '' : span(now - Date.parse(each.since))),
    },
    {
      id: 'ends',
      head: 'Ends at',
      width: '112px',
      roomy: true,
      wide: true,
      whole: true,
      sort: (each) => (each.endsAt === null ? null : Date.parse(each.endsAt)),
      cell: (each) => (each.endsAt === null ? <span className="faint">no end is set</span> : <Moment at={Date.parse(each.endsAt)} />),
    },
    { id: 'cluster', head: 'Cluster', width: '168px', roomy: true, wide: true, sort: (each) => each.cluster, cell: (each) => <Name of={each.cluster} />, title: (each) => each.cluster },
    { id: 'queue', head: 'Queue', width: '10%', roomy: true, more: true, sort: (each) => each.queue, cell: (each) => each.queue ?? '' },
    {
      id: 'nodes',
      head: 'Nodes',
      width: '16%',
      roomy: true,
      more: true,
      sort: (each) => each.nodes.length,
      cell: (each) => each.nodes.join(', '),
      title: (each) => each.nodes.join(', '),
    },
  ]
}

const ROOM: readonly Column<Room>[] = [
  ACCELERATOR,
  { id: 'cluster', head: 'Cluster', width: '168px', roomy: true, whole: true, card: 'badge', sort: (each) => each.cluster, cell: (each) => each.cluster, title: (each) => each.cluster },
  { id: 'bar', head: 'Use', card: 'whole', cell: (each) => <KindBar amounts={amountsOfRoom(each)} /> },
  { id: 'total', head: 'All', width: '64px', number: true, sort: (each) => each.total, cell: (each) => count(each.total) },
  { id: 'used', head: 'Held', width: '64px', number: true, sort: (each) => each.used, cell: (each) => count(each.used) },
  { id: 'idle', head: 'Idle', width: '64px', number: true, sort: (each) => each.idleHeld, cell: (each) => <OrUnknown of={each.idleHeld} /> },
  { id: 'free', head: 'Free', width: '64px', number: true, sort: (each) => each.free, cell: (each) => count(each.free) },
  {
    id: 'fragmented',
    head: 'Fragmented',
    width: '92px',
    number: true,
    roomy: true,
    wide: true,
    sort: (each) => each.fragmented,
    cell: (each) => <OrUnknown of={each.fragmented} />,
    title: () => 'free, and of no use to what is usual here',
  },
  { id: 'fits', head: 'More pods that fit', width: '17%', roomy: true, card: 'whole', cell: (each) => <span className="wrapped faint">{fitsOf(each)}</span>, title: fitsOf },
]

function OrUnknown({ of }: { of: number | null }) {
  return of === null ? <span className="faint">–</span> : <>{count(of)}</>
}

function fitsOf(room: Room): string {
  return Object.entries(room.fits)
    .map(([size, number]) => `${count(number)} of ${size}`)
    .join(', ')
}
