import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { budgetPace, grantPace, isLateBudget, isLateGrant, LATE, type Pace, watched } from '../answers/balances'
import { teamsOf } from '../answers/own'
import { balances, whoami } from '../api/queries'
import type { TeamBalance } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Panel, sourceOf } from '../parts/panel'
import { useMay } from '../store/may'
import { useNow } from '../store/now'
import { count, money, plural, span } from '../words/format'

/** In the top bar: what is left of the budget of one's team, and of its grants; of others' those that are nearly used. */
export function TopBalance() {
  const may = useMay('requests')
  const me = useQuery(whoami).data
  const { data } = useQuery({ ...balances, enabled: may })
  const now = useNow(60_000)
  if (!data || !me) return null
  const own = teamsOf(me.roles)
  const shown = watched(data, own, now)
  if (!shown.length) return null
  if (shown.length > 1) {
    const late = watched(data, [], now).filter((each) => shown.includes(each)).length
    return (
      <Link to="/books" className={late ? 'balance tone-wait' : 'balance'}>
        {late ? `${count(late)} of ${plural(shown.length, 'team')} at ${LATE * 100} %` : `${plural(shown.length, 'team')} with budgets`}
      </Link>
    )
  }
  const [one] = shown
  return one ? <OneTeam of={one} now={now} currency={me.currency} /> : null
}

function OneTeam({ of, now, currency }: { of: TeamBalance; now: number; currency: string }) {
  const pace = budgetPace(of, now)
  const ending = of.grants.filter((each) => isLateGrant(grantPace(each, now)))
  const [first] = ending
  const late = isLateBudget(pace) || first !== undefined
  const left =
    pace === null ? null : of.left === null ? (of.jobs === null ? 'no prices declared' : 'budget not known') : `${money(of.left, currency)} left`
  const grants = first ? (first.until === null ? null : `${plural(ending.length, 'grant')}: ${span(Math.max(0, first.until - now))} left`) : of.grants.length ? plural(of.grants.length, 'grant') : null
  return (
    <Link to="/teams/$team" params={{ team: of.team }} className={late ? 'balance tone-wait' : 'balance'} title={paceWords(of.team, pace)}>
      <span className="roomy">{of.team}</span>
      {pace && pace.used !== null && <PaceBar pace={pace} />}
      <span>
        {left}
        {/* Not by its colour alone. */}
        {pace?.used != null && isLateBudget(pace) && <span className="roomy">, {percent(pace.used)} used</span>}
        {left && grants && ' · '}
        {grants}
      </span>
    </Link>
  )
}

function paceWords(team: string, pace: Pace | null): string {
  if (!pace) return `grants of ${team}`
  const passed = `${percent(pace.passed ?? 0)} of the month has passed`
  return pace.used === null ? `${team}: ${passed}` : `${team}: ${percent(pace.used)} of the month's budget is used, ${passed}`
}

function percent(part: number): string {
  return `${Math.floor(part * 100)} %`
}

/** What is used as a bar, and a mark where the time is: what is ahead of the mark is used faster than it comes. */
export function PaceBar({ pace, late = isLateBudget(pace) }: { pace: Pace; late?: boolean }) {
  const used = pace.used ?? 0
  return (
    <span className="quota pace" role="img" aria-label={`${pace.used === null ? 'not known' : percent(used)} used${pace.passed === null ? '' : `, ${percent(pace.passed)} of the time has passed`}`}>
      <span className={late ? 'own late' : 'own'} style={{ width: `${Math.min(100, used * 100)}%` }} />
      {pace.passed !== null && <span className="mark-at" style={{ left: `${pace.passed * 100}%` }} />}
    </span>
  )
}

/** A team's month: what was spent, what is left, and how its grants are used. */
export function TeamMonth({ name }: { name: string }) {
  const may = useMay('requests')
  const source = sourceOf(useQuery({ ...balances, enabled: may }))
  const currency = useQuery(whoami).data?.currency ?? ''
  const now = useNow(60_000)
  const own = (rows: readonly TeamBalance[]) => rows.find((each) => each.team === name)
  if (!may) return null
  return (
    <Panel
      title="This month"
      source={source}
      acts={<CopyCommand command={`allot balance --team ${shellWord(name)}`} />}
      empty={(rows) => (own(rows) ? null : <span>You do not see its budget.</span>)}
    >
      {(rows) => {
        const found = own(rows)
        return found && <Month of={found} currency={currency} now={now} />
      }}
    </Panel>
  )
}

function Month({ of, currency, now }: { of: TeamBalance; currency: string; now: number }) {
  const pace = budgetPace(of, now)
  return (
    <>
      <div className="figures">
        <Sum said="jobs cost" amount={of.jobs} unknown="no prices declared" currency={currency} />
        <Sum said="grants of this month" amount={of.granted} unknown="not known" currency={currency} />
        {of.budget !== null ? (
          <Sum said={`left of ${money(of.budget, currency)}`} amount={of.left} unknown="not known" currency={currency} tone={isLateBudget(pace) ? 'tone-wait' : ''} />
        ) : (
          <div className="figure">
            <b className="faint">none</b>
            <span>budget declared</span>
          </div>
        )}
      </div>
      {pace && pace.used !== null && (
        <dl className="facts paces">
          <dt>Budget</dt>
          <dd>
            <PaceBar pace={pace} />
            <span className={isLateBudget(pace) ? 'tone-wait' : 'faint'}>
              {percent(pace.used)} used, {percent(pace.passed ?? 0)} of the month has passed
            </span>
          </dd>
        </dl>
      )}
      {of.grants.length > 0 && (
        <dl className="facts paces">
          {of.grants.map((each) => {
            const grant = grantPace(each, now)
            return (
              <div key={each.id} style={{ display: 'contents' }}>
                <dt>
                  <Link to="/requests/$id" params={{ id: each.id }}>
                    {count(each.devices)} {each.devices === 1 ? 'GPU' : 'GPUs'}
                  </Link>
                </dt>
                <dd>
                  <PaceBar pace={grant} late={isLateGrant(grant)} />
                  <span className={isLateGrant(grant) ? 'tone-wait' : 'faint'}>
                    {grant.used === null ? 'no telemetry of its use' : `${percent(grant.used)} used so far`}
                    {grant.passed === null ? ', no end' : `, ${percent(grant.passed)} of its time has passed`}
                  </span>
                </dd>
              </div>
            )
          })}
        </dl>
      )}
    </>
  )
}

function Sum({ said, amount, unknown, currency, tone = '' }: { said: string; amount: number | null; unknown: string; currency: string; tone?: string }) {
  return (
    <div className="figure">
      <b className={amount === null ? 'faint' : tone}>{amount === null ? unknown : money(amount, currency)}</b>
      <span>{said}</span>
    </div>
  )
}
