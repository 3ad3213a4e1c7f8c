import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { CauseGroup, Explained, Waste } from '../answers/documents'
import { idleFor, idleWeight, holdKey } from '../answers/holds'
import * as counted from '../answers/overview'
import type { Line } from '../answers/overview'
import { books, clusterStates, explanations, holdings, queues, quotas, type Told, waste } from '../answers/queries'
import { amountsOf, KIND_WORDS, KINDS } from '../answers/slots'
import { isLost } from '../answers/waste_rows'
import { asTrouble } from '../api/problem'
import { grants, requests } from '../api/queries'
import { AnswerPanel, lackingOf, RestsOn, sourcesOf, staleOf, useAnswer } from '../parts/answer'
import { KindBar, Swatch } from '../parts/bars'
import { Panel, type Source, sourceOf } from '../parts/panel'
import { sorted } from '../parts/sorting'
import { Glyph, State } from '../parts/state'
import { Person, Work } from '../parts/work'
import { useList } from '../store/list'
import { useNow } from '../store/now'
import { count, money, plural, span } from '../words/format'
import { Filters, useWhere } from './filters'
import { verdictOf } from './waiting'

const SHOWN = 8

/** Broken? Wasted? At risk? Each number leads to the list of what it counts. */
export function Overview() {
  const [search] = useList()
  const where = useWhere(search)
  const now = useNow(60_000)
  const told = {
    waste: useQuery(waste(where)),
    clusters: useQuery(clusterStates(where)),
    why: useQuery(explanations(where)),
    queues: useQuery(queues(where)),
    who: useQuery(holdings(where)),
    quotas: useQuery(quotas(where)),
    books: useQuery(books(where)),
  }
  const given = useQuery(grants)
  const asked = useQuery(requests)
  return (
    <>
      <div className="head">
        <h1>Overview</h1>
        <Filters clusters={told.waste.data?.sources.map((each) => each.name) ?? []} />
      </div>
      <RestsOn of={Object.values(told).map((each) => sourceOf(each as UseQueryResult<Told<unknown>>))} />
      <div className="columns thirds">
        <Question
          title="Broken?"
          parts={[
            part('accelerators', told.waste, (each) => counted.brokenFleet(each.document)),
            part('clusters', told.clusters, (each) => counted.brokenClusters(each.document)),
            part('queues', told.queues, (each) => counted.stoppedQueues(each.document)),
            part('work that waits', told.why, (each) => counted.brokenWork(each.document)),
          ]}
        />
        <Question
          title="Wasted?"
          parts={[
            part('accelerators', told.waste, (each) => counted.wasted(each.document)),
            part('holds', told.who, (each) => counted.oddHolds(each.document)),
          ]}
          foot={told.waste.data && <Cost of={told.waste.data.document} />}
        />
        <Question
          title="At risk?"
          parts={[
            part('limits', told.quotas, (each) => counted.alarms(each.document)),
            part('queues', told.queues, (each) => counted.reclaimable(each.document)),
            part('books', told.books, (each) => counted.findings(each.document)),
            part('grants', given, (each) => counted.ending(each, now)),
            part('requests', asked, (each) => counted.undecided(each)),
          ]}
        />
      </div>
      <FleetPanel />
      <div className="columns level">
        <IdlePanel />
        <CausesPanel />
      </div>
    </>
  )
}

interface Part {
  readonly name: string
  readonly query: UseQueryResult<unknown>
  readonly lines: readonly Line[] | null
}

function part<T>(name: string, query: UseQueryResult<T>, lines: (data: T) => readonly Line[]): Part {
  return { name, query, lines: query.data === undefined ? null : lines(query.data) }
}

/** Several sources in one panel: what has come is shown, what is still to come is not taken for none. */
function Question({ title, parts, foot }: { title: string; parts: readonly Part[]; foot?: React.ReactNode }) {
  const some = parts.some((each) => each.lines !== null)
  const failed = parts.filter((each) => each.query.error && each.lines === null)
  const old = parts.find((each) => each.query.error && each.lines !== null)
  const source: Source<readonly Part[]> = {
    data: some ? parts : undefined,
    trouble: failed.length === parts.length ? asTrouble(failed[0]?.query.error) : old ? asTrouble(old.query.error) : null,
    at: Math.min(...parts.map((each) => each.query.dataUpdatedAt || Date.now())),
    again: () => parts.forEach((each) => void each.query.refetch()),
  }
  const sources = sourcesOf(parts.map((each) => each.query.data))
  const found = parts.flatMap((each) => each.lines ?? []).filter((each) => each.number > 0)
  const whole = parts.every((each) => each.lines !== null)
  return (
    <Panel
      title={title}
      source={source}
      flush
      brief
      acts={whole && <Answer lines={found} />}
      stale={() => staleOf(sources)}
      partial={() => [lackingOf(sources, []), ...failed.map((each) => `${each.name}: ${asTrouble(each.query.error).what}`)].filter(Boolean).join('; ') || null}
    >
      {() => (
        <>
          <ul className="lines">
            {parts.flatMap((each) =>
              each.lines
                ? each.lines.map((line) => <LineRow key={`${each.name}-${line.key}`} of={line} />)
                : each.query.error
                  ? []
                  : [
                      <li key={each.name} aria-busy="true">
                        <span />
                        <span className="skeleton" style={{ width: '100%' }} />
                        <span className="faint">{each.name}</span>
                      </li>,
                    ],
            )}
          </ul>
          {foot}
        </>
      )}
    </Panel>
  )
}

function Answer({ lines }: { lines: readonly Line[] }) {
  if (!lines.length) return <State of={{ word: 'nothing', tone: 'good', shape: 'check' }} />
  const bad = lines.some((each) => each.tone === 'bad')
  return <State of={{ word: `${lines.length} to look at`, tone: bad ? 'bad' : 'wait', shape: bad ? 'cross' : 'half' }} />
}

function LineRow({ of }: { of: Line }) {
  const none = of.number === 0
  return (
    <li className={none ? 'faint' : ''}>
      <Glyph shape={none ? 'check' : of.tone === 'bad' ? 'cross' : 'half'} tone={none ? 'over' : of.tone} />
      <b>
        {none ? (
          <span className="faint">0</span>
        ) : (
          <Link to={of.to} search={of.search ?? {}}>
            {count(of.number)}
          </Link>
        )}
      </b>
      <span>{of.said}</span>
    </li>
  )
}

function Cost({ of }: { of: Waste }) {
  const cost = of.entries.filter(isLost).reduce((sum, each) => sum + (each.cost ?? 0), 0)
  return (
    <div className="note" style={{ borderBottom: 'none' }}>
      <span className="grow">
        {cost ? (
          <>
            {money(cost, of.currency ?? '')} an hour is put to no use, where prices are declared
          </>
        ) : (
          'no price is declared'
        )}
      </span>
      <Link to="/waste">Where it goes</Link>
    </div>
  )
}

function FleetPanel() {
  const [search] = useList()
  const source = useAnswer(waste(useWhere(search)))
  return (
    <AnswerPanel
      title="Every accelerator now"
      source={source}
      brief
      acts={<Link to="/fleet">The fleet</Link>}
      empty={(document) => (document.entries.length ? null : <span>No accelerators are seen. <Link to="/clusters">Clusters</Link> says which answer.</span>)}
    >
      {(document) => {
        const amounts = amountsOf(document.entries)
        return (
          <>
            <KindBar amounts={amounts} tall />
            <div className="legend" style={{ paddingTop: 10 }}>
              {KINDS.filter((each) => amounts[each] > 0).map((each) => (
                <Link key={each} to="/fleet" search={{ kind: each }} className="chip" title={KIND_WORDS[each].means}>
                  <Swatch kind={each} />
                  {KIND_WORDS[each].word} <b>{count(amounts[each])}</b>
                </Link>
              ))}
            </div>
          </>
        )
      }}
    </AnswerPanel>
  )
}

function IdlePanel() {
  const [search] = useList()
  const source = useAnswer(holdings(useWhere(search)))
  const now = useNow(60_000)
  return (
    <AnswerPanel
      title="Held idle for longest"
      source={source}
      brief
      flush
      acts={<Link to="/accelerators" search={{ kind: 'idle' }}>All</Link>}
      truncated={(document) => {
        const idle = document.items.filter((each) => each.idleDevices).length
        return idle > SHOWN ? `the worst ${SHOWN} of ${plural(idle, 'hold')}` : null
      }}
      empty={(document) =>
        document.items.some((each) => each.idleDevices) ? null : <span>Whatever is held is at work, or nobody measures it.</span>
      }
    >
      {(document) => (
        <table className="table cards">
          <tbody>
            {sorted(
              document.items.filter((each) => each.idleDevices),
              (each) => idleWeight(each, now),
              true,
            )
              .slice(0, SHOWN)
              .map((each) => (
                <tr key={holdKey(each)}>
                  <td className="whole card-title">
                    <Link to="/teams/$team" params={{ team: each.team }}>
                      {each.team}
                    </Link>
                  </td>
                  <td className="most card-whole" title={[each.job, each.person].filter(Boolean).join(' of ')}>
                    <Work of={each.job} brief />{' '}
                    <span className="faint">
                      <Person of={each.person} />
                    </span>
                  </td>
                  <td className="number card-badge">
                    {count(each.idleDevices ?? 0)} {each.accelerator}
                  </td>
                  <td className="number tone-wait" data-head="Idle for">
                    {span(idleFor(each, now) ?? 0)}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}

/** What holds up most comes first. */
function byCount(groups: readonly CauseGroup[]): readonly CauseGroup[] {
  return sorted(groups, (each) => each.count, true)
}

/** How long work waits by a cause that has waited longest for it; nothing where nobody knows. */
function longestOf(items: readonly Explained[], cause: string, now: number): string {
  const since = items.flatMap((each) => (each.cause === cause && each.createdAt !== null ? [Date.parse(each.createdAt)] : []))
  return since.length ? `up to ${span(now - Math.min(...since))}` : ''
}

function CausesPanel() {
  const [search] = useList()
  const now = useNow(60_000)
  const source = useAnswer(explanations(useWhere(search)))
  return (
    <AnswerPanel
      title={source.data ? plural(source.data.document.waiting, 'piece of work waits', 'pieces of work wait') : 'What waits'}
      source={source}
      brief
      flush
      acts={<Link to="/waiting">All</Link>}
      truncated={(document) => (document.groups.length > SHOWN ? `${SHOWN} of ${plural(document.groups.length, 'cause')}` : null)}
      empty={(document) => (document.groups.length ? null : <span>Nothing waits: whatever was submitted runs or is over.</span>)}
    >
      {(document) => (
        <table className="table fixed cards">
          <tbody>
            {byCount(document.groups)
              .slice(0, SHOWN)
              .map((each) => (
                <tr key={each.cause}>
                  <td className="number" style={{ width: 56 }} data-head="Pieces of work">
                    <Link to="/waiting" search={{ kind: each.cause }}>
                      {count(each.count)}
                    </Link>
                  </td>
                  <td className="two-lines anywhere card-title" title={each.cause}>
                    {each.code ? (
                      <Link to="/help/$code" params={{ code: each.code }}>
                        {each.cause}
                      </Link>
                    ) : (
                      each.cause
                    )}
                  </td>
                  <td className="card-badge" style={{ width: 142 }}>
                    <State of={verdictOf(each)} />
                  </td>
                  <td className="number faint roomy wide card-none" style={{ width: 144 }}>
                    {longestOf(document.items, each.cause, now)}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}
