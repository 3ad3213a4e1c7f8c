import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { budgetPace, isLateBudget } from '../answers/balances'
import type { Waste } from '../answers/documents'
import { byCause, type CauseHours, hoursSaid, RANGES, remainder } from '../answers/hours'
import { waste, wasteSince } from '../answers/queries'
import { kindOf, KIND_WORDS } from '../answers/slots'
import { balances, whoami } from '../api/queries'
import type { TeamBalance } from '../api/schema'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { ShareBar, Swatch } from '../parts/bars'
import { CopyAnswer, CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf, widthsOf } from '../parts/grid'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { useList } from '../store/list'
import { useMay } from '../store/may'
import { useNow } from '../store/now'
import { count, money, plural } from '../words/format'
import { PaceBar } from './balance'
import { Choice, Filters, useWhere } from './filters'

/** Where GPU-hours went and what they cost, and what each team's month comes to. */
export function Books() {
  const [search, change] = useList()
  const may = useMay('requests')
  const teams = useQuery({ ...balances, enabled: may }).data?.map((each) => each.team) ?? []
  return (
    <>
      <div className="head">
        <h1>Books</h1>
        <Filters>
          <Choice label="Team" every="every team" values={teams} value={search.team} pick={(team) => change({ team })} />
          <select className="chip" aria-label="Time" data-set={search.since ? '' : undefined} value={search.since ?? ''} onChange={(event) => change({ since: event.target.value })}>
            {RANGES.map(([value, said]) => (
              <option key={value} value={value}>
                {said}
              </option>
            ))}
          </select>
        </Filters>
      </div>
      {useMay('read') && <Hours />}
      {may && <Months />}
    </>
  )
}

/** GPU-hours by cause: each device has one cause at each moment, so the rows sum to the devices times the time. */
function Hours() {
  const [search] = useList()
  const where = useWhere(search)
  const source = useAnswer(search.since ? wasteSince(where, search.since) : waste(where))
  const document = source.data?.document
  const entries = useMemo(() => (document?.entries ?? []).filter((each) => !search.team || each.team === search.team), [document, search.team])
  const rows = useMemo(() => byCause(entries), [entries])
  const recorded = search.since ? `allot waste --recorded DIR${search.since === 'all' ? '' : ` --since ${search.since}`}` : ''
  return (
    <AnswerPanel
      title="GPU-hours by cause"
      source={source}
      flush
      acts={recorded ? <CopyCommand command={recorded} /> : <CopyAnswer command="allot waste" of={source.data} />}
      remarks={(told) => told.remarks}
      truncated={(told) => (told.missingMs > 0 ? `nothing was recorded of the first ${hoursSaid(told.missingMs)} hours that were asked for: they are not counted` : null)}
      empty={() =>
        rows.length ? null : search.team ? (
          <span>{search.team} held nothing in that time.</span>
        ) : (
          <span>
            No accelerators are seen; <Link to="/clusters">clusters</Link> says which clusters answer.
          </span>
        )
      }
    >
      {(told) => <CauseTable rows={rows} told={told} team={search.team} />}
    </AnswerPanel>
  )
}

function CauseTable({ rows, told, team }: { rows: readonly CauseHours[]; told: Waste; team: string | undefined }) {
  const currency = told.currency ?? ''
  const total = rows.reduce((sum, each) => sum + each.gpuMs, 0)
  const priced = rows.filter((each) => each.cost !== null)
  const cost = priced.reduce((sum, each) => sum + (each.cost ?? 0), 0)
  const unpriced = rows.reduce((sum, each) => sum + each.unpricedMs, 0)
  const left = remainder(rows, told.capacityGpuMs)
  const hours = told.moment ? 1 : (Date.parse(told.until) - Date.parse(told.since)) / 3_600_000
  return (
    <div className="scroll">
      <table className="table" aria-label="GPU-hours by cause">
        <thead>
          <tr>
            <th>Cause</th>
            <th className="roomy" style={{ width: '30%' }}>
              Share
            </th>
            <th className="number" style={{ width: 110 }}>
              GPU-hours
            </th>
            <th className="number" style={{ width: 80 }}>
              Share
            </th>
            <th className="number" style={widthsOf('130px', '104px')}>
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((each) => (
            <tr key={each.cause}>
              <td title={KIND_WORDS[kindOf(each.cause)].means}>
                <Swatch kind={kindOf(each.cause)} /> {each.cause === 'unmeasured' ? 'unmeasured, no telemetry' : each.cause}
              </td>
              <td className="roomy">
                <ShareBar share={total ? each.gpuMs / total : 0} />
              </td>
              <td className="number">{hoursSaid(each.gpuMs)}</td>
              <td className="number">{total ? ((100 * each.gpuMs) / total).toFixed(1) : '0.0'} %</td>
              <td className="number">{each.cost === null ? <span className="faint">no price</span> : money(each.cost, currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">All of it</th>
            <td className="roomy" />
            <td className="number">
              <b>{hoursSaid(total)}</b>
            </td>
            <td className="number">{team ? `${told.capacityGpuMs ? ((100 * total) / told.capacityGpuMs).toFixed(1) : '0.0'} % of all` : '100 %'}</td>
            <td className="number">{priced.length ? <b>{money(cost, currency)}</b> : <span className="faint">no prices declared</span>}</td>
          </tr>
        </tfoot>
      </table>
      <p className="note plain">
        {team
          ? `Of ${hoursSaid(told.capacityGpuMs)} GPU-hours that were there, ${team} had these.`
          : left === 0
            ? `The rows sum to all that was there: ${hoursSaid(told.capacityGpuMs)} GPU-hours in ${hours.toLocaleString('en', { maximumFractionDigits: 1 })} h${told.moment ? `, which is ${plural(Math.round(told.capacityGpuMs / 3_600_000), 'GPU')} for an hour` : ''}.`
            : `The rows do not sum to what was there: ${hoursSaid(left)} GPU-hours are missing.`}
        {unpriced > 0 && ` ${hoursSaid(unpriced)} GPU-hours have no price, and are in no sum of money.`}
      </p>
    </div>
  )
}

/** What each team's jobs and grants come to this month, beside its budget. */
function Months() {
  const [search] = useList()
  const source = sourceOf(useQuery(balances))
  const currency = useQuery(whoami).data?.currency ?? ''
  const now = useNow(60_000)
  const columns = useMemo(() => columnsOf(currency, now), [currency, now])
  const all = source.data ?? []
  const rows = matching(
    all.filter((each) => !search.team || each.team === search.team),
    search.q,
    (each) => each.team,
  )
  return (
    <Panel
      title={source.data ? `${shownOf(rows.length, all.length, (number) => plural(number, 'team'))} this month` : 'Teams this month'}
      source={source}
      flush
      acts={
        <>
          <CopyCommand command={search.team ? `allot balance --team ${shellWord(search.team)}` : 'allot balance'} />
          <ColumnsMenu columns={columns} />
        </>
      }
      empty={() => (rows.length ? null : <span>No team of yours is declared: budgets stand in the platform directory, kind Approvals.</span>)}
    >
      {() => <Grid label="Teams by what their month comes to" rows={rows} columns={columns} keyOf={(each) => each.team} usual="-jobs" />}
    </Panel>
  )
}

function columnsOf(currency: string, now: number): readonly Column<TeamBalance>[] {
  const sum = (id: 'jobs' | 'granted', head: string, unknown: string): Column<TeamBalance> => ({
    id,
    head,
    width: '14%',
    number: true,
    sort: (each) => each[id],
    cell: (each) => {
      const amount = each[id]
      return amount === null ? <span className="faint">{unknown}</span> : money(amount, currency)
    },
  })
  return [
    {
      id: 'team',
      head: 'Team',
      width: '18%',
      sort: (each) => each.team,
      whole: true,
      cell: (each) => (
        <Link to="/teams/$team" params={{ team: each.team }}>
          {each.team}
        </Link>
      ),
    },
    sum('jobs', 'Jobs cost', 'no prices declared'),
    sum('granted', 'Grants', 'not known'),
    {
      id: 'left',
      head: 'Budget left',
      width: '21%',
      number: true,
      sort: (each) => each.left,
      cell: (each) =>
        each.budget === null ? (
          <span className="faint">no budget</span>
        ) : each.left === null ? (
          <span className="faint">not known</span>
        ) : (
          <span className={isLateBudget(budgetPace(each, now)) ? 'tone-wait' : ''}>
            {money(each.left, currency)} <span className="faint roomy">of {money(each.budget, '')}</span>
          </span>
        ),
    },
    {
      id: 'pace',
      head: 'Used, and the day',
      width: '19%',
      roomy: true,
      card: 'none',
      sort: (each) => budgetPace(each, now)?.used ?? null,
      cell: (each) => {
        const pace = budgetPace(each, now)
        return pace && pace.used !== null ? <PaceBar pace={pace} /> : ''
      },
    },
    { id: 'grants', head: 'Grants that stand', width: '14%', roomy: true, number: true, sort: (each) => each.grants.length, cell: (each) => count(each.grants.length) },
  ]
}
