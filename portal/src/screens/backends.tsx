import { useQuery } from '@tanstack/react-query'
import { status } from '../api/queries'
import { Ago } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { count } from '../words/format'

/** Where jobs run. */
export function Backends() {
  const source = sourceOf(useQuery(status))
  return (
    <>
      <div className="head">
        <h1>Back ends</h1>
      </div>
      <Panel title="Where jobs run" source={source} flush empty={(told) => (told.backends.length ? null : <span>None is open yet.</span>)}>
        {(told) => (
          <table className="table">
            <thead>
              <tr>
                <th>Name</th>
                <th>Kind</th>
                <th>Accelerators</th>
                <th>Heard</th>
              </tr>
            </thead>
            <tbody>
              {told.backends.map((each) => (
                <tr key={each.name}>
                  <td>{each.name}</td>
                  <td>{each.offer.kind}</td>
                  <td>
                    {Object.entries(each.offer.accelerators ?? {})
                      .map(([name, number]) => `${count(number)} ${name}`)
                      .join(', ')}
                  </td>
                  <td>
                    {each.unreachable ? (
                      <span className="tone-bad">
                        {each.unreachable}
                        {each.silent_since !== null && (
                          <>
                            , <Ago at={each.silent_since} />
                          </>
                        )}
                      </span>
                    ) : (
                      'answers'
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
    </>
  )
}
