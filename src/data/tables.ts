export interface DataTables {}
