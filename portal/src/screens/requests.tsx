import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { openOf } from '../answers/overview'
import { requestMoves } from '../answers/request_acts'
import { sumsOf } from '../answers/request_sums'
import { askAgain } from '../api/again'
import { decide, type ListedRequest, requests, whoami } from '../api/queries'
import type { GrantRequest } from '../api/schema'
import { BulkAct } from '../parts/bulk'
import { CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { State } from '../parts/state'
import { Person } from '../parts/work'
import { useList } from '../store/list'
import { useMay } from '../store/may'
import { money, plural } from '../words/format'
import { REQUEST } from '../words/states'
import { thingOf } from '../words/terms'
import { Choice, Chosen } from './filters'
import { Grants, NOTED } from './grants'

/** What was asked for, and what stands of it. */
export function Requests() {
  const [search, change] = useList()
  const navigate = useNavigate()
  const currency = useQuery(whoami).data?.currency ?? ''
  const asked = sourceOf(useQuery(requests))
  const all = search.show === 'all'
  const noted = NOTED[search.kind ?? ''] ? search.kind : undefined
  const decides = useMay('decide')
  const columns = useMemo(() => columnsOf(currency), [currency])
  const open = all ? (asked.data ?? []) : openOf(asked.data ?? [])
  const found = matching(
    open.filter((each) => !search.team || each.wish.team === search.team),
    search.q,
    (each) => `${each.id} ${each.wish.team} ${each.requester} ${thingOf(each.wish, each.terms)} ${each.wish.justification}`,
  )
  const teams = [...new Set((asked.data ?? []).map((each) => each.wish.team))].sort()
  const command = ['allot requests', all ? '--all' : '', search.team ? `--team ${shellWord(search.team)}` : ''].filter(Boolean).join(' ')
  const granted = <Grants team={search.team} all={all} noted={noted} acts={<CopyCommand command={all ? 'allot grant list --all' : 'allot grant list'} />} />
  return (
    <>
      <div className="head">
        <h1>Requests</h1>
        <div className="filters">
          <input className="search" aria-label="Filter" placeholder="What, team, person, reason" value={search.q ?? ''} onChange={(event) => change({ q: event.target.value }, 'typing')} />
          <Choice label="Team" every="every team" values={teams} value={search.team} pick={(team) => change({ team })} />
          <button type="button" className="chip" aria-pressed={all} onClick={() => change({ show: all ? '' : 'all' })}>
            with those that were decided
          </button>
          {noted && <Chosen said={`grants ${search.kind === 'ending' ? 'that end within a day' : 'in conflict'}`} drop={() => change({ kind: '' })} />}
        </div>
        <span className="grow" />
        {useMay('request') && (
          <Link to="/ask" className="act first">
            Ask for more
          </Link>
        )}
      </div>
      {/* Whoever comes for some of the grants sees these first. */}
      {noted && granted}
      <Panel
        title={asked.data ? shownOf(found.length, open.length, (number) => plural(number, 'request')) : 'Requests'}
        source={asked}
        flush
        acts={
          <>
            <CopyCommand command={command} />
            <ColumnsMenu columns={columns} />
          </>
        }
        empty={() =>
          found.length ? null : open.length ? (
            <span>No request is like that.</span>
          ) : (
            <>
              <strong>Nothing waits for a decision</strong>
              <span>What is asked for is shown here, with its price and whom it delays.</span>
            </>
          )
        }
      >
        {() => (
          <Grid
            label="Requests"
            rows={found}
            columns={columns}
            keyOf={(each) => each.id}
            nameOf={(each) => `${thingOf(each.wish, each.terms)} for ${each.wish.team}`}
            usual="-asked"
            open={(each) => void navigate({ to: '/requests/$id', params: { id: each.id } })}
            {...(decides ? { chosen: (chosen: readonly ListedRequest[], clear: () => void) => <Bulk rows={chosen} done={clear} /> } : {})}
          />
        )}
      </Panel>
      {!noted && granted}
    </>
  )
}

/** Several at once: all that is decided is said in numbers, and each is decided on by itself. */
function Bulk({ rows, done }: { rows: readonly ListedRequest[]; done: () => void }) {
  const me = useQuery(whoami).data
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  // What a team that leaves loses for good is looked at on its own page.
  const may = (move: 'approve' | 'deny') => rows.filter((each) => each.wish.kind !== 'leave' && requestMoves(each, each.decides, me).includes(move))
  const approved = may('approve')
  const denied = may('deny')
  const said = reason.trim() ? ` -m ${shellWord(reason)}` : ''
  async function send(request: ListedRequest, act: 'approve' | 'deny'): Promise<void> {
    try {
      await decide(request.id, { act, reason, terms: null, revision: request.revision })
    } finally {
      void askAgain(queries, { queryKey: ['request', request.id] })
    }
  }
  function over(): void {
    setReason('')
    void askAgain(queries, { queryKey: ['requests'] })
    void askAgain(queries, { queryKey: ['grants'] })
    done()
  }
  const why = (
    <label className="field">
      <span className="label">Why</span>
      <textarea value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
    </label>
  )
  const shared = { word: 'request', leave: 'Leave them', inTurn: true, done: over, nameOf: (each: ListedRequest) => `${thingOf(each.wish, each.terms)} for ${each.wish.team}` }
  return (
    <span className="acts">
      <span>{plural(rows.length, 'request')} selected</span>
      <BulkAct {...shared} rows={approved} act={['Approve', 'Approved']} command={`allot approve ${idsOf(approved)}${said}`} send={(each) => send(each, 'approve')}>
        <Sums of={approved} selected={rows.length} />
        <p>Each is approved as it was asked for. Whom each makes wait longer stands on its own page.</p>
        {why}
      </BulkAct>
      <BulkAct {...shared} rows={denied} act={['Deny', 'Denied']} danger ready={reason.trim() !== ''} command={`allot deny ${idsOf(denied)}${said}`} send={(each) => send(each, 'deny')}>
        <Sums of={denied} selected={rows.length} />
        <p>Whoever asked reads why.</p>
        {why}
      </BulkAct>
    </span>
  )
}

function idsOf(requests: readonly GrantRequest[]): string {
  return requests.map((each) => each.id).join(' ')
}

/** What several come to. */
function Sums({ of, selected }: { of: readonly GrantRequest[]; selected: number }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  const sums = sumsOf(of)
  const left = selected - sums.requests
  const price = sums.unpriced === sums.requests ? '' : `, ${money(sums.price, currency)} together`
  return (
    <>
      <p>
        <strong>
          {plural(sums.requests, 'request')} of {plural(sums.teams, 'team')}: {plural(sums.devices, 'GPU')}
          {price}
        </strong>
        {sums.unpriced > 0 && `; the price of ${plural(sums.unpriced, 'request')} is not known`}
      </p>
      {left > 0 && <p className="faint">{plural(left, 'request')} of those selected {left === 1 ? 'is' : 'are'} left out: somebody else decides, or it is decided on its own page.</p>}
    </>
  )
}

function columnsOf(currency: string): readonly Column<ListedRequest>[] {
  return [
    {
      id: 'what',
      head: 'What',
      sort: (each) => thingOf(each.wish, each.terms),
      title: (each) => each.wish.justification,
      cell: (each) => (
        <Link to="/requests/$id" params={{ id: each.id }}>
          {thingOf(each.wish, each.terms)}
        </Link>
      ),
    },
    { id: 'team', head: 'Team', width: '11%', whole: true, sort: (each) => each.wish.team, cell: (each) => each.wish.team },
    { id: 'state', head: 'State', width: '104px', card: 'badge', sort: (each) => each.state, cell: (each) => <State of={REQUEST[each.state]} /> },
    { id: 'by', head: 'By', width: '18%', roomy: true, wide: true, sort: (each) => each.requester, title: (each) => each.requester, cell: (each) => <Person of={each.requester} /> },
    { id: 'route', head: 'Decides', width: '16%', roomy: true, more: true, sort: (each) => each.route, cell: (each) => each.route },
    {
      id: 'price',
      head: 'Price',
      width: '104px',
      number: true,
      sort: (each) => each.terms.price,
      cell: (each) => (each.terms.price === null ? <span className="faint">not known</span> : money(each.terms.price, currency)),
    },
    { id: 'due', head: 'Decide until', width: '148px', roomy: true, sort: (each) => each.due, cell: (each) => (each.due === null ? '' : <Moment at={each.due} />) },
    { id: 'asked', head: 'Asked', width: '148px', roomy: true, wide: true, sort: (each) => each.created, cell: (each) => <Moment at={each.created} /> },
  ]
}
