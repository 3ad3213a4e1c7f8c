import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ownRequests } from '../answers/own'
import { type ListedRequest, requests } from '../api/queries'
import { Left, Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { State } from '../parts/state'
import { useMay } from '../store/may'
import { plural } from '../words/format'
import { REQUEST } from '../words/states'
import { thingOf } from '../words/terms'

const SHOWN = 8

/** What whoever looks has asked for, what waits for an answer first. */
export function OwnRequests({ name }: { name: string }) {
  const source = sourceOf(useQuery(requests))
  const mayAsk = useMay('request')
  return (
    <Panel
      title="My requests"
      source={source}
      flush
      acts={
        <Link to="/requests" search={{ q: name, show: 'all' }}>
          All of mine
        </Link>
      }
      truncated={(rows) => cutOf(ownRequests(rows, name))}
      empty={(rows) =>
        ownRequests(rows, name).length ? null : (
          <>
            <strong>You have asked for nothing yet</strong>
            {mayAsk ? (
              <span>
                More GPUs for a while? <Link to="/ask">Ask for them</Link>: you see the price and whom it delays before you ask.
              </span>
            ) : (
              <span>What you ask for is shown here.</span>
            )}
          </>
        )
      }
    >
      {(rows) => <Lines of={ownRequests(rows, name)} />}
    </Panel>
  )
}

/** What waits for the decision of whoever looks; nothing is shown to those who decide on nothing. */
export function ToDecide() {
  const source = sourceOf(useQuery(requests))
  const decides = useMay('decide')
  const mine = (rows: readonly ListedRequest[]) => rows.filter((each) => each.decides)
  if (!decides) return null
  return (
    <Panel
      title="Requests to decide on"
      source={source}
      flush
      acts={<Link to="/requests">All requests</Link>}
      truncated={(rows) => cutOf(mine(rows))}
      empty={(rows) =>
        mine(rows).length ? null : (
          <>
            <strong>Nothing waits for your decision</strong>
            <span>What somebody asks you for is shown here, with the time that is left to decide.</span>
          </>
        )
      }
    >
      {(rows) => <Lines of={mine(rows)} />}
    </Panel>
  )
}

function cutOf(rows: readonly ListedRequest[]): string | null {
  return rows.length > SHOWN ? `${SHOWN} of ${plural(rows.length, 'request')}` : null
}

function Lines({ of }: { of: readonly ListedRequest[] }) {
  return (
    <table className="table cards">
      <tbody>
        {of.slice(0, SHOWN).map((each) => {
          const said = `${each.wish.team}: ${thingOf(each.wish, each.terms)}`
          return (
            <tr key={each.id}>
              <td className="most two-lines card-title" title={said}>
                <Link to="/requests/$id" params={{ id: each.id }}>
                  {said}
                </Link>
              </td>
              <td className="card-badge">
                <State of={REQUEST[each.state]} />
              </td>
              <td className="whole faint card-whole">{each.due ? <Left until={each.due} /> : <Moment at={each.decisions.at(-1)?.at ?? each.created} />}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}
