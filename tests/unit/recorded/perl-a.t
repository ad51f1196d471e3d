1..4
ok 1 - adds
not ok 2 - wrong
ok 3 # skip no
# Subtest: sub
    1..2
    ok 1 - x
    ok 2 - y
ok 4 - sub
