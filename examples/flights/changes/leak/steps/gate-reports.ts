import { step, Table } from 'tidemill'

/** Meant well: the delay that the gate reports, beside each flight. Under a name of its own, and nothing says when it is known. */
export const gateReports = step('gate-reports', {
  in: { flights: Table },
  out: { reported: Table },
  run: async ({ flights, sql }) => ({
    reported: await sql.table(`SELECT *, delay AS reported_delay FROM ${flights.scan}`),
  }),
})
