module hx

go 1.19
