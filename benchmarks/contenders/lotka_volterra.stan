// Predator and prey with log-normal counts; priors of posteriordb's lotka_volterra.
functions {
  vector change(real t, vector y, vector rate) {
    return [(rate[1] - rate[2] * y[2]) * y[1], (rate[4] * y[1] - rate[3]) * y[2]]';
  }
}
data {
  int N;
  array[N] real year;
  array[2] real first;
  array[N, 2] real pelts;
}
parameters {
  vector<lower=0>[4] rate;
  vector<lower=0>[2] start;
  array[2] real<lower=0> sd;
}
model {
  array[N] vector[2] y = ode_rk45_tol(change, start, 0, year, 1e-5, 1e-3, 500, rate);
  rate[{1, 3}] ~ normal(1, 0.5);
  rate[{2, 4}] ~ normal(0.05, 0.05);
  start ~ lognormal(log(10), 1);
  sd ~ lognormal(-1, 1);
  for (k in 1:2) {
    first[k] ~ lognormal(log(start[k]), sd[k]);
    for (n in 1:N) pelts[n, k] ~ lognormal(log(y[n][k]), sd[k]);
  }
}
