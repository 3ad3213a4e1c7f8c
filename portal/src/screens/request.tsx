import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { grantOf, requestOf, whoami } from '../api/queries'
import type { TeamGrant, ToldRequest } from '../api/schema'
import { CopyCommand } from '../parts/copy'
import { Lasted, Moment, Ran } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { Glyph, State } from '../parts/state'
import { Sentence as Words } from '../parts/sentence'
import { useJobs } from '../store/live'
import { useNow } from '../store/now'
import { bytes, money, span } from '../words/format'
import { GRANT, JOB, REQUEST, type StateLook } from '../words/states'
import { devicesOf, lastsOf, thingOf } from '../words/terms'
import { Acts } from './deciding'
import { Change, Effects, Need, Steps, STEPS_OF_LEAVING, STEPS_OF_TEAM, unknownOfNeed, unknownOfWaits } from './evidence'
import { fateOf, GrantActs, GrantFacts } from './grants'

/** A request with all that a decision needs, the decision, and what has become of it since. */
export function RequestPage() {
  const { id } = useParams({ from: '/requests/$id' })
  const source = sourceOf(useQuery(requestOf(id)))
  const told = source.data
  const granted = told?.request.state === 'approved'
  const grant = sourceOf(useQuery({ ...grantOf(told?.request.extends || id), enabled: granted }))
  const ofTeam = told?.request.wish.kind === 'team' || told?.request.wish.kind === 'leave'
  const devices = (told?.request.terms.shares.length ?? 0) > 0
  return (
    <>
      {told && <Head told={told} grant={granted ? (grant.data ?? null) : null} />}
      {granted && ofTeam && <TeamTimeline told={told} grant={grant.data ?? null} />}
      <div className="columns">
        <Panel title="What is asked for" source={source}>
          {(now) => <Terms told={now} />}
        </Panel>
        {granted && !ofTeam ? (
          <Panel
            title="What became of it"
            source={grant}
            empty={(now) => (now ? null : <span>Its team, and the platform's administrators, see the grant.</span>)}
          >
            {(now) => now && <GrantFacts of={now} />}
          </Panel>
        ) : (
          (!told || devices) && (
            <Panel title="What they needed so far" source={source} empty={(now) => (now.need || unknownOfNeed(now.unknown) ? null : <span>{now.unknown || 'Nothing is known of it.'}</span>)}>
              {(now) => <Need told={now} />}
            </Panel>
          )
        )}
      </div>
      {told?.change && (
        <Panel title="What becomes of the platform directory" source={source} flush>
          {(now) => now.change && <Change of={now.change} />}
        </Panel>
      )}
      {(!told || (devices && !granted)) && (
        <Panel
          title="Who waits longer"
          source={source}
          partial={partly}
          empty={(now) =>
            now.effects.length ? null : (
              <span>{unknownOfWaits(now.unknown) ? 'Nobody is known to wait longer for it.' : 'Nobody waits longer for it.'}</span>
            )
          }
        >
          {(now) => <Effects of={now.effects} />}
        </Panel>
      )}
      <Panel title="Decisions" source={source} empty={(now) => (now.request.decisions.length ? null : <span>Nobody has decided yet.</span>)}>
        {(now) => <Decisions told={now} />}
      </Panel>
    </>
  )
}

/** What is not known of who waits longer, and as of when all of it was, where that is decided. */
function partly(told: ToldRequest): string | null {
  const then = told.request.state === 'approved' ? 'as it was known when it was approved' : ''
  const lacks = unknownOfWaits(told.unknown)
  const gap = lacks ? `not all is known: ${lacks}` : ''
  return [then, gap].filter(Boolean).join('; ') || null
}

/** How a request stands: once it is approved, that is how its grant stands. */
function standing({ request }: ToldRequest, grant: TeamGrant | null): StateLook {
  return grant ? GRANT[grant.state] : REQUEST[request.state]
}

function Head({ told, grant }: { told: ToldRequest; grant: TeamGrant | null }) {
  const { request } = told
  const now = useNow()
  const look = standing(told, grant)
  return (
    <>
      <div className="head">
        <h1>{thingOf({ ...request.wish }, request.terms)}</h1>
        <span className="faint">
          for {request.wish.team} <span className="mono">{request.id}</span>
        </span>
        <span className="grow" />
        <CopyCommand command={`allot request show ${request.id}`} />
      </div>
      <div className={`verdict tone-${look.tone}`} role="status" aria-live="polite">
        <State of={look} />
        <Sentence told={told} grant={grant} now={now} />
        <div className="acts">
          <Acts told={told} />
          {grant && !request.extends && <GrantActs of={grant} />}
        </div>
      </div>
    </>
  )
}

/** How it stands, and what is to be thought of besides. */
export function Sentence(of: { told: ToldRequest; grant: TeamGrant | null; now: number }) {
  const { warning } = of.told
  return (
    <p>
      <Said {...of} />
      {warning ? ` ${warning}` : ''}
    </p>
  )
}

function Said({ told, grant, now }: { told: ToldRequest; grant: TeamGrant | null; now: number }) {
  const { request } = told
  const currency = useQuery(whoami).data?.currency ?? ''
  if (grant)
    return (
      <>
        {fateOf(grant, now)}
        {request.extends && (
          <>
            {' '}
            (of grant{' '}
            <Link to="/requests/$id" params={{ id: request.extends }}>
              {request.extends}
            </Link>
            )
          </>
        )}
        {grant.state === 'ended' && grant.terms.until !== null && (
          <>
            {' '}
            since <Moment at={Math.min(grant.terms.until, now)} />
          </>
        )}
      </>
    )
  switch (request.state) {
    case 'waiting':
      return (
        <>
          {told.deciders ? `${told.deciders} decides` : 'it waits'}
          {request.due !== null && request.due > now && ` within ${span(request.due - now)}`}
        </>
      )
    case 'offered':
      return (
        <>
          offered: {thingOf(request.wish, request.terms)}
          {lastsOf(request.terms) !== null && ` for ${span(lastsOf(request.terms) ?? 0)}`}
          {request.terms.price !== null && `, ${money(request.terms.price, currency)}`}; {request.requester} has to accept that
        </>
      )
    default:
      return <>{request.decisions.at(-1)?.reason ?? ''}</>
  }
}

function Terms({ told }: { told: ToldRequest }) {
  const { request } = told
  const currency = useQuery(whoami).data?.currency ?? ''
  const before = devicesOf(request.asked)
  const now = devicesOf(request.terms)
  const lasts = lastsOf(request.terms)
  const waits = request.begins_when_given && (request.state === 'waiting' || request.state === 'offered')
  return (
    <dl className="facts">
      <dt>Team</dt>
      <dd>{request.wish.team}</dd>
      <dt>By</dt>
      <dd>{request.requester}</dd>
      <dt>For</dt>
      <dd className="anywhere">{request.wish.justification}</dd>
      {now && (
        <>
          <dt>GPUs</dt>
          <dd>
            {now}
            {before !== now && <span className="faint"> (asked for: {before})</span>}
          </dd>
        </>
      )}
      {request.wish.size > 0 && (
        <>
          <dt>Size</dt>
          <dd>{bytes(request.wish.size)}</dd>
        </>
      )}
      {request.wish.clusters.length > 0 && (
        <>
          <dt>In</dt>
          <dd>{request.wish.clusters.join(', ')}</dd>
        </>
      )}
      {request.wish.kind === 'leave' && (
        <>
          <dt>Its data</dt>
          <dd>are kept until {request.wish.keep_data_until}, and deleted then</dd>
        </>
      )}
      <dt>Time</dt>
      <dd>
        {lasts === null ? 'for good' : span(lasts)}
        {waits ? ', from its approval on' : null}
        {!waits && (
          <>
            , from <Moment at={request.terms.since} />
            {request.terms.until !== null && (
              <>
                {' '}
                until <Moment at={request.terms.until} />
              </>
            )}
          </>
        )}
        {lastsOf(request.asked) !== lasts && <span className="faint"> (asked for: {lastsOf(request.asked) === null ? 'for good' : span(lastsOf(request.asked) ?? 0)})</span>}
      </dd>
      <dt>Price</dt>
      <dd>{request.terms.price === null ? 'not known' : money(request.terms.price, currency)}</dd>
      {told.budget_left !== null && (
        <>
          <dt>Budget left</dt>
          <dd className={told.budget_left < 0 ? 'tone-bad' : ''}>{money(told.budget_left, currency)}{told.budget_month && ` in ${told.budget_month}`}, once it is granted</dd>
        </>
      )}
      {request.terms.taken.length > 0 && (
        <>
          <dt>Taken of</dt>
          <dd>{request.terms.taken.map((each) => `${each.team}: ${each.share.devices} ${each.share.flavor} in ${each.share.cluster}`).join('; ')}</dd>
        </>
      )}
      {told.after && (
        <>
          <dt>Afterwards</dt>
          <dd>
            <Words of={told.after} />
          </dd>
        </>
      )}
    </dl>
  )
}

/** Step by step, as it goes on; a team that comes has come with its first job. */
function TeamTimeline({ told, grant }: { told: ToldRequest; grant: TeamGrant | null }) {
  const comes = told.request.wish.kind === 'team'
  const approved = told.request.decisions.find((each) => each.act === 'approve' || each.act === 'accept')
  const source = sourceOf(useQuery(requestOf(told.request.id)))
  return (
    <Panel title="How far it is" source={source}>
      {(now) => (
        <Steps steps={grant && grant.timeline.length > now.timeline.length ? grant.timeline : now.timeline} all={comes ? STEPS_OF_TEAM : STEPS_OF_LEAVING}>
          {comes && <FirstJob team={told.request.wish.team} since={approved?.at ?? told.request.created} />}
        </Steps>
      )}
    </Panel>
  )
}

function FirstJob({ team, since }: { team: string; since: number }) {
  const held = useJobs()
  const roles = useQuery(whoami).data?.roles ?? []
  const sees = !roles.length || roles.some((each) => each === 'admin' || each.endsWith(` of ${team}`))
  const first = held.rows.filter((each) => each.team === team && each.submitted >= since).at(-1)
  const began = first?.started ?? null
  return (
    <li>
      <Glyph shape={began ? 'check' : first ? 'half' : 'ring'} tone={began ? 'good' : first ? 'move' : 'quiet'} />
      {first ? <Moment at={began ?? first.submitted} /> : <span />}
      <span className="anywhere">
        <strong>first job</strong>{' '}
        {first ? (
          <>
            <Link to="/jobs/$id" params={{ id: first.id }}>
              {first.name}
            </Link>{' '}
            <State of={JOB[first.state]} /> <span className="faint"><Ran job={first} /></span>
            {began !== null && (
              <span className="faint">
                {' '}
                · <Lasted since={since} until={began} /> after the approval
              </span>
            )}
          </>
        ) : (
          <span className="tone-quiet">{!sees ? 'its jobs are not shown to you' : held.complete ? 'nobody of the team has submitted one yet' : 'jobs are being read'}</span>
        )}
      </span>
    </li>
  )
}

function Decisions({ told }: { told: ToldRequest }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  return (
    <ol className="timeline">
      {told.request.decisions.map((each, number) => (
        <li key={number}>
          <Glyph shape={each.act === 'deny' ? 'cross' : each.act === 'approve' || each.act === 'accept' ? 'check' : 'half'} tone={each.act === 'deny' ? 'bad' : 'move'} />
          <Moment at={each.at} />
          <span className="anywhere">
            <strong>{each.act}</strong> by {each.by || (each.gate ? `the gate ${each.gate}` : 'time')}
            {devicesOf(each.terms) && `: ${devicesOf(each.terms)}`}
            {lastsOf(each.terms) !== null && ` for ${span(lastsOf(each.terms) ?? 0)}`}
            {each.terms.price !== null && `, ${money(each.terms.price, currency)}`}
            {each.reason && <span className="faint"> · {each.reason}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}
