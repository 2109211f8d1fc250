DROP TABLE operations;
DROP TABLE holds;
DROP TABLE journal;
DROP TABLE accounts;
