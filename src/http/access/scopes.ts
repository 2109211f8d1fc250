export type Scope = 'read' | 'funds:write' | 'orders:write' | 'admin';
