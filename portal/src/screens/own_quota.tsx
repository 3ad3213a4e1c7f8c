import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ownQuotas, ownViews, teamsOf } from '../answers/own'
import { declaredTeams, queues, rooms } from '../answers/queries'
import { type QuotaRow, quotaRows } from '../answers/quota_edit'
import { roomSums } from '../answers/rooms'
import { asTrouble } from '../api/problem'
import { whoami } from '../api/queries'
import { AnswerPanel, lackingOf, staleOf, useAnswer } from '../parts/answer'
import { KindBar, QuotaBar } from '../parts/bars'
import { Name } from '../parts/name'
import { Panel, type Source } from '../parts/panel'
import { useMay } from '../store/may'
import { count, plural } from '../words/format'

const SHOWN = 8

/** What somebody's teams are guaranteed and use, the fullest first; all teams' where he is of none. */
export function OwnQuota() {
  const me = useQuery(whoami).data
  const own = teamsOf(me?.roles ?? [])
  const mayAsk = useMay('request')
  const views = ownViews(me)
  const told = useQueries({ queries: views.map((view) => declaredTeams({ view })) })
  const seen = useQueries({ queries: views.map((view) => queues({ view })) })
  const whole = told.every((each) => each.data) && me !== undefined
  const standings = seen.flatMap((each) => each.data?.document.items ?? [])
  const sources = seen.flatMap((each) => each.data?.sources ?? [])
  const failed = told.find((each) => each.error)?.error
  const source: Source<readonly QuotaRow[]> = {
    data: whole ? ownQuotas(quotaRows(told.flatMap((each) => each.data?.document.items ?? []), [], standings), own) : undefined,
    trouble: failed ? asTrouble(failed) : null,
    at: Math.min(...told.map((each) => each.dataUpdatedAt)),
    again: () => told.forEach((each) => void each.refetch()),
  }
  return (
    <Panel
      title={own.length === 1 ? `Quota of ${own[0]}` : own.length ? 'Quotas of my teams' : 'Quotas'}
      source={source}
      flush
      acts={<Link to="/quotas">All quotas</Link>}
      stale={() => staleOf(sources)}
      partial={() => lackingOf(sources, seen.flatMap((each) => (each.error ? [`what is used is not known: ${asTrouble(each.error).what}`] : [])))}
      truncated={(rows) => (rows.length > SHOWN ? `${rows[0]?.terms.used == null ? '' : 'the fullest '}${SHOWN} of ${plural(rows.length, 'quota')}` : null)}
      empty={(rows) =>
        rows.length ? null : (
          <>
            <strong>No quota is declared{own.length ? ` for ${own.join(', ')}` : ''}</strong>
            {mayAsk && (
              <span>
                <Link to="/ask">Ask for GPUs</Link>, for a while or for good: you see the price and whom it delays before you ask.
              </span>
            )}
          </>
        )
      }
    >
      {(rows) => (
        <table className="table cards" aria-label="Quotas">
          <tbody>
            {rows.slice(0, SHOWN).map((each) => (
              <QuotaLine key={each.key} of={each} named={own.length !== 1} told={seen.every(({ data, error }) => data || error)} />
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

/** Its number leads to where the quota comes from, term by term. */
function QuotaLine({ of: { team, terms }, named, told }: { of: QuotaRow; named: boolean; told: boolean }) {
  const { used, guaranteed, limit, flavor, cluster } = terms
  return (
    <tr>
      <td className="whole card-title">
        <Link to="/teams/$team" params={{ team: team.name }} title={`where the quota of ${team.name} comes from`}>
          {named ? team.name : flavor}
        </Link>
        {named && <span className="faint"> {flavor}</span>}
      </td>
      <td className="name-column card-whole">
        <span className="faint">
          <Name of={cluster} />
        </span>
      </td>
      <td className="bar-column wide">{used === null ? <span className="faint">{told ? 'not seen' : ''}</span> : <QuotaBar nominal={guaranteed} used={used} limit={limit} />}</td>
      <td className="number card-badge">
        {used === null ? '' : <span className={used > guaranteed ? 'tone-wait' : ''}>{count(used)} of </span>}
        {count(guaranteed)}
      </td>
    </tr>
  )
}

/** What is free of each class of accelerators, in all clusters that somebody sees. */
export function FreeNow() {
  const [view] = ownViews(useQuery(whoami).data)
  const source = useAnswer(rooms({ view }))
  return (
    <AnswerPanel
      title="Free by accelerator"
      source={source}
      flush
      acts={<Link to="/accelerators">Who holds them</Link>}
      remarks={(document) => document.notes}
      empty={(document) =>
        document.items.length ? null : (
          <>
            <strong>No accelerators are seen</strong>
            <span>
              A cluster is connected with <code>allot cluster connect</code>; <Link to="/clusters">clusters</Link> says which answer.
            </span>
          </>
        )
      }
      truncated={(document) => {
        const classes = roomSums(document.items).length
        return classes > SHOWN ? `the ${SHOWN} of which most are free, of ${plural(classes, 'class', 'classes')}` : null
      }}
    >
      {(document) => (
        <table className="table cards" aria-label="Free by accelerator">
          <tbody>
            {roomSums(document.items)
              .slice(0, SHOWN)
              .map((each) => (
                <tr key={each.accelerator}>
                  <td className="whole card-title">
                    <Link to="/accelerators" search={{ accelerator: each.accelerator }}>
                      {each.accelerator}
                    </Link>
                  </td>
                  <td className="bar-column card-whole">
                    <KindBar amounts={each.amounts} />
                  </td>
                  <td className="number card-badge" title={each.places.map(({ cluster, free }) => `${count(free)} in ${cluster}`).join(', ')}>
                    <span className={each.free ? '' : 'faint'}>{each.free ? `${count(each.free)} free` : 'none free'}</span>
                    <span className="faint"> of {count(each.total)}</span>
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}
