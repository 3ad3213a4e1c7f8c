import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Fragment, type ReactNode, useState } from 'react'
import { askAgain } from '../api/again'
import { endGrant, grants, settleGrant, whoami } from '../api/queries'
import type { TeamGrant } from '../api/schema'
import { LATE } from '../answers/balances'
import { stacked } from '../answers/grant_stacks'
import { isNoted } from '../answers/overview'
import { askedAgain, type GrantMove, grantMoves, isAsked } from '../answers/request_acts'
import { CopyCommand, shellWord } from '../parts/copy'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { Sheet } from '../parts/sheet'
import { State } from '../parts/state'
import { say, sayTrouble } from '../parts/toasts'
import { useTyped } from '../parts/typed'
import { useActs } from '../store/acts'
import { useMay } from '../store/may'
import { useNow } from '../store/now'
import { count, money, plural, span } from '../words/format'
import { GRANT_MOVES } from '../words/decisions'
import { GRANT } from '../words/states'
import { thingOf } from '../words/terms'
import { GrantEndSays, useGrantEnd } from './grant_end'
import { requestSearch } from './request_search'

interface GrantsProps {
  /** Only this team's; empty for all. */
  readonly team?: string | undefined
  /** With those that are over. */
  readonly all?: boolean
  /** Those alone that a number of the overview counts. */
  readonly noted?: string | undefined
  /** So many at most; the rest is told of. */
  readonly most?: number
  readonly acts?: ReactNode
}

/** What numbers of the overview count of grants, as it stands above those. */
export const NOTED: Readonly<Record<string, (number: number) => string>> = {
  conflict: (number) => `${plural(number, 'grant')} in conflict`,
  ending: (number) => `${plural(number, 'grant')} ${number === 1 ? 'ends' : 'end'} within a day`,
}

/** What stands of what was granted: each grant with its time as a bar, those of one team on top of each other. */
export function Grants({ team, all = false, noted, most = Number.POSITIVE_INFINITY, acts }: GrantsProps) {
  const source = sourceOf(useQuery(grants))
  const mayAsk = useMay('request')
  const now = useNow(60_000)
  const counts = NOTED[noted ?? '']
  const wanted = (rows: readonly TeamGrant[]) =>
    rows.filter((each) => (!team || each.team === team) && (counts ? isNoted(each, noted ?? '', now) : all || each.state !== 'ended'))
  return (
    <Panel
      title={counts && source.data ? counts(wanted(source.data).length) : 'Grants'}
      source={source}
      flush
      acts={acts}
      truncated={(rows) => (wanted(rows).length > most ? `${most} of ${plural(wanted(rows).length, 'grant')}` : null)}
      empty={(rows) =>
        wanted(rows).length ? null : counts ? (
          <span>No grant is like that.</span>
        ) : (
          <>
            <strong>No grant stands at present</strong>
            {mayAsk && (
              <span>
                <Link to="/ask" search={team ? { team } : {}}>
                  Ask for GPUs
                </Link>{' '}
                for a while: the price and whom it delays are told before.
              </span>
            )}
          </>
        )
      }
    >
      {(rows) => (
        <div className="scroll">
          <table className="table fixed grants" aria-label="Grants">
            <colgroup>
              <col />
              <col className="state-column" />
              <col className="course-column" />
            </colgroup>
            <tbody>
              {stacked(wanted(rows).slice(0, most)).map((stack) => (
                <Fragment key={stack.team}>
                  {!team && (
                    <tr className="cohort">
                      <td colSpan={3}>
                        {stack.team}
                        {stack.devices > 0 && <span className="faint"> · {plural(stack.devices, 'GPU')} granted at present</span>}
                      </td>
                    </tr>
                  )}
                  {stack.grants.map((each) => (
                    <GrantRow key={each.id} of={each} />
                  ))}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

function GrantRow({ of }: { of: TeamGrant }) {
  return (
    <tr>
      <td className="two-lines" title={of.trouble || of.id}>
        <Link to="/requests/$id" params={{ id: of.id }}>
          {thingOf(of, of.terms)}
        </Link>
        {of.trouble && <div className="tone-bad">{of.trouble}</div>}
      </td>
      <td>
        <State of={GRANT[of.state]} />
      </td>
      <td className="two-lines">
        <Course of={of} />
      </td>
    </tr>
  )
}

/** How much of a grant's time has passed, and when it ends; amber from 85 %. */
export function Course({ of }: { of: Pick<TeamGrant, 'state' | 'terms'> }) {
  const now = useNow()
  const { since, until } = of.terms
  if (of.state === 'ended')
    return (
      <span className="faint">
        over{until !== null && <> since <Moment at={Math.min(until, now)} /></>}
      </span>
    )
  if (until === null) return <span className="faint">for good</span>
  const part = Math.max(0, Math.min(1, (now - since) / Math.max(1, until - since)))
  const late = part >= LATE
  return (
    <span className="course">
      <span className="share" role="img" aria-label={`${Math.floor(part * 100)} % of its time has passed`}>
        <span className={`fill ${late ? 'tone-wait' : 'tone-accent'}`} style={{ width: `${part * 100}%` }} />
      </span>
      <span className={late ? 'tone-wait' : 'faint'}>
        {now >= until ? 'its time is over' : now < since ? `begins in ${span(since - now)}` : `${span(until - now)} left`}
        {now < until && (
          <span className="faint">
            , ends <Moment at={until} />
          </span>
        )}
      </span>
    </span>
  )
}

/** What has become of an approved request, in a sentence. */
export function fateOf(grant: TeamGrant, now: number): string {
  const { since, until } = grant.terms
  switch (grant.state) {
    case 'due':
      return `it begins in ${span(since - now)}`
    case 'giving':
      return grant.trouble || 'it is being given: committed to the platform directory, then applied to its clusters'
    case 'active':
      return grant.kind === 'team'
        ? 'the team is there, and its guardrails hold'
        : until === null
          ? 'it is given, for good'
          : `it is given for ${span(until - now)} more`
    case 'taking-back':
      return grant.trouble || 'its time is over: it is being taken back'
    case 'conflict':
      return grant.trouble || 'its file was changed by hand: an administrator decides'
    case 'ended':
      return grant.trouble || 'it is over, and nothing of it is left'
  }
}

/** What whoever looks can do with a grant. */
export function GrantActs({ of }: { of: TeamGrant }) {
  const me = useQuery(whoami).data
  const navigate = useNavigate()
  const search = useSearch({ from: '/requests/$id' })
  const [opened, setOpened] = useState<Settling | null>(null)
  const moves = grantMoves(of, me)
  // The address may ask for it, as the palette does; what a role may not it does not give.
  const act = opened ?? moves.find((each): each is Settling => !isAsked(each) && each === search.act) ?? null
  function close(): void {
    setOpened(null)
    if (search.act) void navigate({ to: '.', search: requestSearch({}), replace: true })
  }
  const thing = `${thingOf(of, of.terms)} of ${of.team}`
  useActs(
    moves.map((each) => ({
      said: `${GRANT_MOVES[each].verb} ${thing}`,
      go: () => (isAsked(each) ? void navigate({ to: '/ask', search: askedAgain(of, each) }) : setOpened(each)),
    })),
  )
  return (
    <>
      {moves.map((each) =>
        isAsked(each) ? (
          <Link key={each} to="/ask" search={askedAgain(of, each)} className={each === 'again' ? 'act first' : 'act'}>
            {GRANT_MOVES[each].button}
          </Link>
        ) : (
          <button key={each} type="button" className={each === 'end' ? 'act danger' : each === 'restore' ? 'act first' : 'act'} onClick={() => setOpened(each)}>
            {GRANT_MOVES[each].button}
          </button>
        ),
      )}
      {act && moves.includes(act) && <Settle of={of} act={act} close={close} />}
    </>
  )
}

type Settling = Exclude<GrantMove, 'extend' | 'change' | 'again'>

const SETTLES: Readonly<Record<Settling, string>> = {
  end: 'Its quota goes back now, and nothing more is charged. What runs on it goes on as borrowed, and gives way when others want their own.',
  keep: 'What somebody wrote by hand stands. Within what was approved the grant goes on so; else it ends here.',
  restore: 'What was agreed on takes the place of what somebody wrote by hand; the commit names who decided that.',
}

function Settle({ of, act, close }: { of: TeamGrant; act: Settling; close: () => void }) {
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const { title } = GRANT_MOVES[act]
  const tried = useGrantEnd(of, act === 'end' && of.terms.shares.length > 0)
  const displaced = act === 'end' ? (tried.told?.preempted.length ?? 0) : 0
  const { ready, field } = useTyped(displaced ? of.team : null)
  async function done(): Promise<void> {
    close()
    try {
      await (act === 'end' ? endGrant(of.id, reason) : settleGrant(of.id, act === 'restore'))
      say(`Done: ${title.toLowerCase()}`)
    } catch (error) {
      sayTrouble(error)
    } finally {
      void askAgain(queries, { queryKey: ['grants'] })
      void askAgain(queries, { queryKey: ['grant', of.id] })
    }
  }
  const command = `allot grant ${act} ${of.id}${act === 'end' && reason ? ` -m ${shellWord(reason)}` : ''}`
  return (
    <Sheet title={title} open close={close}>
      <p>
        {thingOf(of, of.terms)} of {of.team}. {SETTLES[act]}
      </p>
      {act === 'end' && of.terms.shares.length > 0 && <GrantEndSays of={tried} />}
      {act === 'end' && of.kind === 'gpus' && <p className="faint">It does not come back by itself: “Ask for it again” asks anew, and somebody may have to decide.</p>}
      {act === 'end' && (
        <label className="field">
          <span className="label">Why</span>
          <textarea value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
        </label>
      )}
      {field}
      <div className="acts">
        <button type="button" className={act === 'end' ? 'act danger' : 'act first'} disabled={!ready || (act === 'end' && of.terms.shares.length > 0 && tried.waits)} onClick={() => void done()}>
          {title}
        </button>
        <button type="button" className="act" onClick={close}>
          Leave it
        </button>
        <CopyCommand command={command} />
      </div>
    </Sheet>
  )
}

/** A grant's terms and what it costs, for its own panel. */
export function GrantFacts({ of }: { of: TeamGrant }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  return (
    <>
      <dl className="facts">
        <dt>State</dt>
        <dd>
          <State of={GRANT[of.state]} />
        </dd>
        {of.trouble && (
          <>
            <dt>Trouble</dt>
            <dd className="tone-bad">{of.trouble}</dd>
          </>
        )}
        <dt>Time</dt>
        <dd>
          <Course of={of} />
        </dd>
        <dt>Price</dt>
        <dd>{of.terms.price === null ? 'not known' : money(of.terms.price, currency)}</dd>
        {of.approved.length > 1 && (
          <>
            <dt>Approved</dt>
            <dd>{count(of.approved.length)} times, the first and what extended or changed it</dd>
          </>
        )}
        {of.commit && (
          <>
            <dt>Commit</dt>
            <dd className="mono">{of.commit.slice(0, 12)}</dd>
          </>
        )}
      </dl>
    </>
  )
}
