-- Random texts found that replace() asked for its third argument where the second leaves nothing to do.
SELECT replace('abc', '', NULL), replace('abc', x'', NULL), replace(NULL, '', 'x'), replace('abc', NULL, 'x');
SELECT replace('abc', 'b', NULL), replace('abc', 'x', NULL), replace('abc', '', 'x'), replace('', 'b', 'x');
