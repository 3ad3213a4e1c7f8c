import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { requests, whoami } from '../api/queries'
import type { GrantRequest } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { State } from '../parts/state'
import { useList } from '../store/list'
import { useMay } from '../store/may'
import { money, plural } from '../words/format'
import { REQUEST } from '../words/states'
import { thingOf } from '../words/terms'
import { Choice } from './filters'
import { Grants } from './grants'

export const OPEN: ReadonlySet<string> = new Set(['waiting', 'offered'])

/** What was asked for, and what stands of it. */
export function Requests() {
  const [search, change] = useList()
  const navigate = useNavigate()
  const currency = useQuery(whoami).data?.currency ?? ''
  const asked = sourceOf(useQuery(requests))
  const all = search.show === 'all'
  const columns = useMemo(() => columnsOf(currency), [currency])
  const open = (asked.data ?? []).filter((each) => all || OPEN.has(each.state))
  const found = matching(
    open.filter((each) => !search.team || each.wish.team === search.team),
    search.q,
    (each) => `${each.id} ${each.wish.team} ${each.requester} ${thingOf(each.wish, each.terms)} ${each.wish.justification}`,
  )
  const teams = [...new Set((asked.data ?? []).map((each) => each.wish.team))].sort()
  const command = ['allot requests', all ? '--all' : '', search.team ? `--team ${shellWord(search.team)}` : ''].filter(Boolean).join(' ')
  return (
    <>
      <div className="head">
        <h1>Requests</h1>
        <div className="filters">
          <input className="search" aria-label="Filter" placeholder="What, team, person, reason" value={search.q ?? ''} onChange={(event) => change({ q: event.target.value })} />
          <Choice label="Team" every="every team" values={teams} value={search.team} pick={(team) => change({ team })} />
          <button type="button" className="chip" aria-pressed={all} onClick={() => change({ show: all ? '' : 'all' })}>
            with those that were decided
          </button>
        </div>
        <span className="grow" />
        {useMay('request') && (
          <Link to="/ask" className="act first">
            Ask for more
          </Link>
        )}
      </div>
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
            usual="-asked"
            open={(each) => void navigate({ to: '/requests/$id', params: { id: each.id } })}
          />
        )}
      </Panel>
      <Grants team={search.team} all={all} acts={<CopyCommand command={all ? 'allot grant list --all' : 'allot grant list'} />} />
    </>
  )
}

function columnsOf(currency: string): readonly Column<GrantRequest>[] {
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
    { id: 'team', head: 'Team', width: '13%', sort: (each) => each.wish.team, cell: (each) => each.wish.team },
    { id: 'state', head: 'State', width: '12%', card: 'badge', sort: (each) => each.state, cell: (each) => <State of={REQUEST[each.state]} /> },
    { id: 'by', head: 'By', width: '17%', roomy: true, sort: (each) => each.requester, title: (each) => each.requester, cell: (each) => each.requester },
    { id: 'route', head: 'Decides', width: '16%', roomy: true, more: true, sort: (each) => each.route, cell: (each) => each.route },
    {
      id: 'price',
      head: 'Price',
      width: '11%',
     
      number: true,
      sort: (each) => each.terms.price,
      cell: (each) => (each.terms.price === null ? <span className="faint">not known</span> : money(each.terms.price, currency)),
    },
    { id: 'due', head: 'Decide until', width: '13%', roomy: true, sort: (each) => each.due, cell: (each) => (each.due === null ? '' : <Moment at={each.due} />) },
    { id: 'asked', head: 'Asked', width: '13%', roomy: true, sort: (each) => each.created, cell: (each) => <Moment at={each.created} /> },
  ]
}
