import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { grants, requests, whoami } from '../api/queries'
import type { GrantRequest, TeamGrant } from '../api/schema'
import { CopyCommand } from '../parts/copy'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { State } from '../parts/state'
import { useMay } from '../store/may'
import { useNow } from '../store/now'
import { money, plural, span } from '../words/format'
import { GRANT, REQUEST } from '../words/states'
import { devicesOf } from '../words/terms'

export interface RequestsSearch {
  readonly show?: 'all'
}

export function requestsSearch(given: Record<string, unknown>): RequestsSearch {
  return given['show'] === 'all' ? { show: 'all' } : {}
}

const OPEN = new Set(['waiting', 'offered'])

/** What was asked for, and what stands of it. */
export function Requests() {
  const { show } = useSearch({ from: '/requests' })
  const navigate = useNavigate()
  const asked = sourceOf(useQuery(requests))
  const given = sourceOf(useQuery(grants))
  const wanted = (rows: readonly GrantRequest[]) => (show === 'all' ? rows : rows.filter((each) => OPEN.has(each.state)))
  return (
    <>
      <div className="head">
        <h1>Requests</h1>
        <span className="grow" />
        <CopyCommand command={show === 'all' ? 'allot requests --all' : 'allot requests'} />
        {useMay('request') && (
          <Link to="/ask" className="act first">
            Ask for more
          </Link>
        )}
      </div>
      <Panel
        title={asked.data ? plural(wanted(asked.data).length, 'request') : 'Requests'}
        source={asked}
        flush
        acts={
          <button
            type="button"
            className="chip"
            aria-pressed={show === 'all'}
            onClick={() => void navigate({ to: '/requests', search: show === 'all' ? {} : { show: 'all' } })}
          >
            with those that were decided
          </button>
        }
        empty={(rows) =>
          wanted(rows).length ? null : (
            <>
              <strong>Nothing waits for a decision</strong>
              <span>What is asked for is shown here, with its price and whom it delays.</span>
            </>
          )
        }
      >
        {(rows) => (
          <div className="scroll">
            <table className="table">
              <thead>
                <tr>
                  <th>What</th>
                  <th style={{ width: '16%' }}>Team</th>
                  <th style={{ width: '14%' }}>State</th>
                  <th style={{ width: '20%' }}>By</th>
                  <th className="number" style={{ width: '12%' }}>
                    Price
                  </th>
                  <th style={{ width: '14%' }}>Decide until</th>
                </tr>
              </thead>
              <tbody>
                {wanted(rows).map((each) => (
                  <RequestRow key={each.id} of={each} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <Grants source={given} all={show === 'all'} />
    </>
  )
}

function RequestRow({ of }: { of: GrantRequest }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  return (
    <tr>
      <td>
        <Link to="/requests/$id" params={{ id: of.id }}>
          {devicesOf(of.terms) || `${of.wish.kind} ${of.wish.subject}`}
        </Link>
      </td>
      <td>{of.wish.team}</td>
      <td>
        <State of={REQUEST[of.state]} />
      </td>
      <td title={of.requester}>{of.requester}</td>
      <td className="number">{of.terms.price === null ? '' : money(of.terms.price, currency)}</td>
      <td className="faint">{of.due === null ? '' : <Moment at={of.due} />}</td>
    </tr>
  )
}

function Grants({ source, all }: { source: ReturnType<typeof sourceOf<readonly TeamGrant[]>>; all: boolean }) {
  const wanted = (rows: readonly TeamGrant[]) => (all ? rows : rows.filter((each) => each.state !== 'ended'))
  return (
    <Panel
      title="Grants"
      source={source}
      flush
      empty={(rows) => (wanted(rows).length ? null : <span>No grant stands at present.</span>)}
    >
      {(rows) => (
        <div className="scroll">
          <table className="table">
            <thead>
              <tr>
                <th>What</th>
                <th style={{ width: '16%' }}>Team</th>
                <th style={{ width: '14%' }}>State</th>
                <th style={{ width: '34%' }}>Time</th>
              </tr>
            </thead>
            <tbody>
              {wanted(rows).map((each) => (
                <tr key={each.id}>
                  <td title={each.trouble || each.id}>
                    {devicesOf(each.terms) || `${each.kind} ${each.subject}`} {each.trouble && <span className="tone-bad">{each.trouble}</span>}
                  </td>
                  <td>{each.team}</td>
                  <td>
                    <State of={GRANT[each.state]} />
                  </td>
                  <td>
                    <Course since={each.terms.since} until={each.terms.until} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

/** How much of a grant's time has passed; amber from 85 %. */
export function Course({ since, until }: { since: number; until: number | null }) {
  const now = useNow()
  if (until === null) return <span className="faint">for good</span>
  const part = Math.max(0, Math.min(1, (now - since) / (until - since)))
  const tone = part >= 0.85 ? 'var(--wait)' : 'var(--accent)'
  const said = now >= until ? 'over' : now < since ? `begins in ${span(since - now)}` : `${span(until - now)} left`
  return (
    <span style={{ display: 'grid', gridTemplateColumns: '1fr auto', gap: 8, alignItems: 'center' }}>
      <svg className="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={`${Math.round(part * 100)} % of its time has passed`}>
        <rect width="100" height="8" rx="2" fill="var(--sunk)" />
        <rect width={part * 100} height="8" rx="2" fill={tone} />
      </svg>
      <span className="faint">{said}</span>
    </span>
  )
}
