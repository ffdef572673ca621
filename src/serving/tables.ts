export interface ServingTables {}
