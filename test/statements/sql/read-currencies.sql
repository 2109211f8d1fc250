PREPARE "read-currencies" AS
SELECT code, scale FROM currencies ORDER BY code;
